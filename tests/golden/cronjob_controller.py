"""Replay what a real CronJob controller was observed to do, on a clock that jumps.

The recording (``cronjob-controller-v1.36.2.json``) is 17 minutes of 40 CronJobs with the schedule ``* * * * *``. Their
pods were ended by a stand-in after a number of seconds, and are here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.golden.virtual_cluster import VirtualCluster

from local_kubernetes.controllers.cronjob import CronJobController
from local_kubernetes.controllers.garbage import GarbageCollector
from local_kubernetes.controllers.job import JobController
from local_kubernetes.store import Change

Object = dict[str, Any]
RECORDING = json.loads((Path(__file__).parent / "cronjob-controller-v1.36.2.json").read_text())
# The recording's controllers had a lot to do when they were started again: Jobs of these first seconds ended this much
# later than others.
_BUSY_SECONDS = 3.5


def unix(text: str) -> float:
    """Unix seconds of a time in the recording."""
    return datetime.fromisoformat(text).timestamp()


OUTAGE = next(unix(step["at"]) for step in RECORDING["timeline"] if step["event"] == "controller killed")
# The tick of 02:31 is left out: the recording ended while its Jobs were being created, for some before, for some after.
END = unix("2026-11-22T02:31:00Z")


@dataclass(slots=True)
class Outcome:
    """What our controller did for one CronJob."""

    created: dict[str, float]  # Unix seconds, by the Job's name
    deleted: set[str]
    events: list[Object]
    status: Object


class Replay:
    """The recording's timeline played to our controller."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._times = {step["event"]: unix(step["at"]) for step in RECORDING["timeline"]}
        self._cluster = VirtualCluster(
            directory,
            [CronJobController, JobController, GarbageCollector],
            monkeypatch,
            start=self._times["created"],
            pods_start_after=self._pods_start_after,
        )
        self._created: dict[str, float] = {}
        self._deleted: set[str] = set()

    def close(self) -> None:
        """Close the cluster's file."""
        self._cluster.close()

    def run(self) -> dict[str, Outcome]:
        """Everything until the recording's end."""
        cluster, times = self._cluster, self._times
        cluster.store.listen(self._changed)
        for name in RECORDING["cronjobs"]:
            cluster.create("cronjobs.batch", _cron_job(name))
        cluster.at(times["suspended-* suspended"], partial(self._suspend, True))
        cluster.at(times["suspended-* resumed"], partial(self._suspend, False))
        cluster.at(times["controller killed"], cluster.stop_controllers)
        cluster.at(times["controller started"], cluster.start_controllers)
        cluster.run_until(END - 0.01)
        return {name: self._outcome(name) for name in RECORDING["cronjobs"]}

    def _outcome(self, name: str) -> Outcome:
        jobs = {job: at for job, at in self._created.items() if job.rpartition("-")[0] == name}
        events = self._cluster.events(name)
        status = self._cluster.get("cronjobs.batch", name)["status"]
        return Outcome(jobs, self._deleted & set(jobs), events, status)

    def _suspend(self, suspend: bool) -> None:
        for name in RECORDING["cronjobs"]:
            if name.startswith("suspended-"):
                self._cluster.patch_spec("cronjobs.batch", name, suspend=suspend)

    def _changed(self, change: Change) -> None:
        if change.key.resource == "jobs.batch" and change.type == "ADDED":
            self._created[change.key.name] = self._cluster.now
        elif change.key.resource == "jobs.batch" and change.type == "DELETED":
            self._deleted.add(change.key.name)

    def _pods_start_after(self, _: int) -> float:
        started = self._times["controller started"]
        return 0.5 + (_BUSY_SECONDS if started <= self._cluster.now < started + 2 * _BUSY_SECONDS else 0)


def _cron_job(name: str) -> Object:
    recorded = RECORDING["cronjobs"][name]
    notes = {"run-seconds": str(recorded["run_seconds"]), "exit-code": "0"}
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}
    spec = {
        "schedule": "* * * * *",
        "concurrencyPolicy": recorded["concurrencyPolicy"],
        "startingDeadlineSeconds": recorded["startingDeadlineSeconds"],
        "successfulJobsHistoryLimit": 100,
        "jobTemplate": {"spec": {"template": {"metadata": {"annotations": notes}, "spec": pod}}},
    }
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}
