"""The errors that Baton raises inside Airflow.

One base class, and below it the one question that matters to a scheduler: is it worth trying again?
"""


class BatonError(Exception):
    """Base of all errors that Baton raises on purpose. The message says what failed, on which object, what to do."""


class PermanentError(BatonError):
    """The same input will fail again: data, policy or configuration must change first. Never retried."""


class TransientError(BatonError):
    """The next try may succeed: a lost connection, an evicted pod, a service that restarts."""


class InDoubtError(TransientError):
    """The connection broke after something was handed over: perhaps it arrived."""
