"""The warehouse chain: export, transform, load, validate, purge-raw."""
