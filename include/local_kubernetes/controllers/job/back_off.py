"""How long a Job waits before it replaces a failed pod: 10 s, 20 s, 40 s … up to 10 min since the last failure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from local_kubernetes import clock

from . import pods

Object = dict[str, Any]
_FIRST_SECONDS = 10.0
_MAX_SECONDS = 600.0


def pause(failures: int) -> float:
    """Seconds after so many failures in a row."""
    return 0.0 if failures == 0 else min(_FIRST_SECONDS * 2.0 ** (failures - 1), _MAX_SECONDS)


@dataclass(slots=True)
class BackOff:
    """One Job's ends of pods, as far as they were seen; lost with the server, then told by the pods that are there."""

    _ends: dict[str, tuple[float, bool]] = field(default_factory=dict)

    def learn(self, found: Iterable[Object], *, only_failed: bool) -> None:
        """Remember the pods that have ended; each counts once, as it was first seen."""
        for pod in found:
            failed = pods.has_failed(pod, only_failed=only_failed)
            if failed or pods.phase(pod) == "Succeeded":
                self._ends.setdefault(pod["metadata"]["uid"], (pods.finished_at(pod), failed))

    def remaining(self) -> float:
        """Seconds until another pod may be made; 0 or less means now."""
        last_success = max((at for at, failed in self._ends.values() if not failed), default=float("-inf"))
        failures = [at for at, failed in self._ends.values() if failed and at > last_success]
        return max(failures) + pause(len(failures)) - clock.unix() if failures else 0.0
