"""What `./baton adopt` does to CronJobs in the cluster: suspend them, remember that, give them back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from baton.cronjobs.importing.cronjob_client import ADOPTED_BY, SUSPENDED_BEFORE, ClusterError, CronJobClient, words

Object = dict[str, Any]


class AdoptionClient(CronJobClient):
    """A cluster whose CronJobs change hands."""

    def cronjob(self, namespace: str, name: str) -> Object | None:
        """A CronJob as it is now, or None."""
        from kubernetes.client import ApiException

        try:
            found: Object = self._read(self._api.read_namespaced_cron_job, name, namespace)
        except ApiException as err:
            if err.status == 404:
                return None
            raise ClusterError(f"{namespace}/{name}: {words(err)}") from err
        return found

    def suspend(self, cronjob: Object, dag_id: str) -> None:
        """Let the controller start no tick of it any more, and write down who does and how it was before."""
        notes = cronjob["metadata"].get("annotations") or {}
        before = notes.get(SUSPENDED_BEFORE, str(is_suspended(cronjob)).lower())
        annotations = {ADOPTED_BY: dag_id, SUSPENDED_BEFORE: before}
        self._patch(cronjob, {"metadata": {"annotations": annotations}, "spec": {"suspend": True}})

    def give_back(self, cronjob: Object, last_tick: datetime | None) -> None:
        """Let the controller go on after the last tick that was run elsewhere.

        Why the status first: a CronJob that wakes up makes up for the latest tick since `lastScheduleTime`, and the Job
        that would show that it ran may have been cleaned up long ago.
        """
        known = last_schedule(cronjob)
        if last_tick is not None and (known is None or known < last_tick):
            stamp = last_tick.isoformat(timespec="seconds").replace("+00:00", "Z")
            self._patch(cronjob, {"status": {"lastScheduleTime": stamp}}, part="_status")
        suspended = (cronjob["metadata"].get("annotations") or {}).get(SUSPENDED_BEFORE) == "true"
        annotations = {ADOPTED_BY: None, SUSPENDED_BEFORE: None}
        self._patch(cronjob, {"metadata": {"annotations": annotations}, "spec": {"suspend": suspended}})

    def _patch(self, cronjob: Object, body: Object, part: str = "") -> None:
        from kubernetes.client import ApiException

        metadata = cronjob["metadata"]
        call = getattr(self._api, f"patch_namespaced_cron_job{part}")
        try:
            self._read(call, metadata["name"], metadata["namespace"], body)
        except ApiException as err:
            raise ClusterError(
                f"{metadata['namespace']}/{metadata['name']}: the change was refused: {words(err)}"
            ) from err


def adopted_by(cronjob: Object) -> str | None:
    """The DAG that a CronJob was handed to, or None."""
    return (cronjob["metadata"].get("annotations") or {}).get(ADOPTED_BY)


def last_schedule(cronjob: Object) -> datetime | None:
    """The last tick that the controller has started, or None."""
    known = (cronjob.get("status") or {}).get("lastScheduleTime")
    return datetime.fromisoformat(known) if known else None


def is_suspended(cronjob: Object) -> bool:
    """Whether the controller starts nothing of it."""
    return bool(cronjob["spec"].get("suspend"))
