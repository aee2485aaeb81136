"""The stack on one machine: every part that a DAG touches, started from pinned packages.

For development, demos and tests.
"""
