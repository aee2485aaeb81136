"""The data files of `include/incidents`, read and checked."""
