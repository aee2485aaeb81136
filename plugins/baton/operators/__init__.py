"""Baton's operators."""
