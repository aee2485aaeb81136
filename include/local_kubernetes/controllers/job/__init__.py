"""Jobs: pods until enough have succeeded, or too many have failed.

Source: the recordings in tests/golden, and kubernetes/kubernetes pkg/controller/job for what they leave open.
"""

from .controller import JobController

__all__ = ["JobController"]
