"""Errors that tell the caller whether trying again can help; each carries the exit code that says so.

Why exit codes: they are the one signal that survives every runtime between a pod and the scheduler.
A message names the object and the remedy and never holds a data value, because it ends up in logs.
Source: exit codes of sysexits.h.
"""

from collections.abc import Sequence


class WorkloadError(Exception):
    """Base of all errors that a stage reports in one line."""

    exit_code = 1


class DataError(WorkloadError):
    """Data or policy is wrong; a retry fails in the same way."""

    exit_code = 65


class MissingObjectError(DataError):
    """A store has nothing under an address."""


class ConfigurationError(WorkloadError):
    """The configuration is wrong (missing variable, refused credentials); a retry fails in the same way."""

    exit_code = 78


class TransientError(WorkloadError):
    """Something outside did not answer; a retry may succeed."""

    exit_code = 75


def some(names: Sequence[str], most: int = 5) -> str:
    """Name the first of many things in a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
