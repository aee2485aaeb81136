"""Calls of functions: what a call is, how each kind of gateway wants it, when it may be repeated."""
