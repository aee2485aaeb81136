"""Whole DAG runs, the running UI. A package, because the stack is a fixture of the package."""
