"""One Job of one tick: when it may start, what is posted, how it is followed, and what its end means."""
