"""Baton's timetables."""
