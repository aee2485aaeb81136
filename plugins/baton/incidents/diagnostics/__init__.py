"""Reading what happened to a workload, and packing it: collectors, redaction, one archive."""
