"""Many items for one function: read as a stream, sent in batches, remembered as they are done."""
