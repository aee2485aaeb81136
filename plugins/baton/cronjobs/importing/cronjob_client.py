"""What `./baton import` asks the cluster: its CronJobs, their Jobs, and how a file would change them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from baton.cronjobs.fields.checking import SERVED
from baton.cronjobs.importing.needs import Need
from baton.cronjobs.manifests.files import Manifest
from baton.cronjobs.manifests.yaml_documents import Document, Path, written
from baton.cronjobs.proposals.history import PastRun
from baton.cronjobs.run.job_body import SCHEDULED_AT, cron_job_of
from baton.cronjobs.run.job_state import end_of
from baton.exceptions import BatonError

ADOPTED_BY = "baton.dev/adopted-by"
SUSPENDED_BEFORE = "baton.dev/suspended-before"
"""Annotations of a CronJob in the cluster that Airflow runs."""

Object = dict[str, Any]
_PAGE = 500
_TIMEOUT_SECONDS = 30
_ABSENT = object()


class ClusterError(BatonError):
    """The cluster cannot be asked."""


class CronJobClient:
    """A cluster, seen through a kubeconfig or from inside.

    :raises ClusterError: there is no way to it; also from every method.
    """

    def __init__(self, kubeconfig: str | None = None, context: str | None = None) -> None:
        from kubernetes import config
        from kubernetes.client import ApiClient, BatchV1Api

        try:
            config.load_config(config_file=kubeconfig, context=context)
        except (config.ConfigException, OSError, TypeError) as err:
            raise ClusterError(f"no cluster to ask: {err} (--kubeconfig, or $KUBECONFIG, names one)") from err
        self._api = BatchV1Api(ApiClient())

    def close(self) -> None:
        """Close the connections."""
        self._api.api_client.rest_client.pool_manager.clear()
        self._api.api_client.close()

    def cronjobs(self, namespace: str | None) -> list[Manifest]:
        """All CronJobs, of one namespace or of all; those that Airflow runs as they were before."""
        manifests = []
        for item in self._items("cron_job", namespace):
            content = _as_before({"apiVersion": SERVED, "kind": "CronJob", **item})
            # Who set which field last: of no meaning outside the cluster, and dozens of lines for each CronJob.
            metadata = content["metadata"] = {k: v for k, v in content["metadata"].items() if k != "managedFields"}
            place = f"cluster:{metadata['namespace']}/{metadata['name']}"
            manifests.append(Manifest(place, Document(content, "", -1), content))
        return manifests

    def history(self, namespace: str | None) -> dict[str, list[PastRun]]:
        """The runs that the cluster still knows, by `namespace/name` of their CronJob."""
        runs: dict[str, list[PastRun]] = defaultdict(list)
        for job in self._items("job", namespace):
            name, run = cron_job_of(job), _past_run(job)
            if name and run:
                runs[f"{job['metadata']['namespace']}/{name}"].append(run)
        return dict(runs)

    def differences(self, manifest: Manifest, default_namespace: str | None = None) -> list[str] | None:
        """What a `kubectl replace` of the file would change in the cluster's CronJob; None if there is none there.

        Why by a dry run: the server fills in its own defaults and says what it would store. `suspend` is not compared:
        a CronJob that Airflow runs is suspended in the cluster.
        """
        from kubernetes.client import ApiException

        namespace = manifest.namespace or default_namespace or "default"
        try:
            live = self._read(self._api.read_namespaced_cron_job, manifest.name, namespace)
        except ApiException as err:
            if err.status == 404:
                return None
            raise ClusterError(f"the cluster refuses to answer: {words(err)}") from err
        body = {**manifest.content, "apiVersion": SERVED}
        version = {"resourceVersion": live["metadata"]["resourceVersion"], "namespace": namespace}
        body["metadata"] = {"name": manifest.name, **version}
        try:
            wanted = self._read(self._api.replace_namespaced_cron_job, manifest.name, namespace, body, dry_run="All")
        except ApiException as err:
            return [f"the cluster refuses the file: {words(err)}"]
        return [*_changes(_without_suspend(wanted), _without_suspend(live), ("spec",))]

    def has(self, need: Need) -> bool | None:
        """Whether an object is there; None where this account may not look."""
        from kubernetes.client import ApiException, CoreV1Api

        api = CoreV1Api(self._api.api_client)
        read = {
            "Namespace": api.read_namespace,
            "Secret": api.read_namespaced_secret,
            "ConfigMap": api.read_namespaced_config_map,
            "ServiceAccount": api.read_namespaced_service_account,
            "PersistentVolumeClaim": api.read_namespaced_persistent_volume_claim,
        }[need.kind]
        where = () if need.kind == "Namespace" else (need.namespace,)
        try:
            self._read(read, need.name, *where)
        except ApiException as err:
            return False if err.status == 404 else None
        return True

    def _items(self, kind: str, namespace: str | None) -> Iterator[Object]:
        from kubernetes.client import ApiException

        where = (namespace,) if namespace else ()
        name = f"list_namespaced_{kind}" if namespace else f"list_{kind}_for_all_namespaces"
        token = ""
        while True:
            more = {"_continue": token} if token else {}
            try:
                page = self._read(getattr(self._api, name), *where, limit=_PAGE, **more)
            except ApiException as err:
                raise ClusterError(f"the cluster refuses to answer: {words(err)}") from err
            yield from page["items"]
            token = page["metadata"].get("continue") or ""
            if not token:
                return

    def _read(self, call: Any, *arguments: Any, **options: Any) -> Any:
        from urllib3.exceptions import HTTPError

        try:
            answer = call(*arguments, **options, _preload_content=False, _request_timeout=_TIMEOUT_SECONDS)
        except HTTPError as err:
            raise ClusterError(f"the cluster does not answer: {err}") from err
        return json.loads(answer.data)


def _as_before(cronjob: Object) -> Object:
    """Without what `./baton adopt` did to it."""
    notes = dict(cronjob["metadata"].get("annotations") or {})
    if notes.pop(ADOPTED_BY, None) is None:
        return cronjob
    was_suspended = notes.pop(SUSPENDED_BEFORE, "false") == "true"
    metadata, spec = {**cronjob["metadata"], "annotations": notes}, {**cronjob["spec"], "suspend": was_suspended}
    return {**cronjob, "metadata": metadata, "spec": spec}


def words(err: Any) -> str:
    """What the API server said when it refused."""
    try:
        return str(json.loads(err.body)["message"])
    except (TypeError, ValueError, KeyError):
        return f"{err.status} {err.reason}"


def _past_run(job: Object) -> PastRun | None:
    status, annotations = job.get("status") or {}, job["metadata"].get("annotations") or {}
    tick, start, end = annotations.get(SCHEDULED_AT), status.get("startTime"), status.get("completionTime")
    if not tick or not start:
        return None
    ended = datetime.fromisoformat(end) if end else None
    return PastRun(datetime.fromisoformat(tick), datetime.fromisoformat(start), ended, end_of(job))


def _without_suspend(cronjob: Object) -> Object:
    return {key: value for key, value in cronjob["spec"].items() if key != "suspend"}


def _changes(wanted: Any, live: Any, path: Path) -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(live, dict):
        for key in dict.fromkeys((*wanted, *live)):
            yield from _changes(wanted.get(key, _ABSENT), live.get(key, _ABSENT), (*path, key))
    elif isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        for position, pair in enumerate(zip(wanted, live, strict=True)):
            yield from _changes(*pair, (*path, position))
    elif wanted != live:
        yield f"{written(path)}: {_shown(wanted)} in the file, {_shown(live)} in the cluster"


def _shown(value: Any) -> str:
    return "absent" if value is _ABSENT else json.dumps(value)
