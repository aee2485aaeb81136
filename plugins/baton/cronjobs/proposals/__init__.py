"""Which chains a team seems to have on the clock: proposed with the evidence for each."""
