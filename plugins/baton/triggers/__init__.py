"""Baton's triggers."""
