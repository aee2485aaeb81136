"""The ``./baton`` command line."""
