"""Collect what is known of a workload that an alert names."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from baton.alerts.conf import AlertConf, read_conf
from baton.exceptions import TransientError
from baton.incidents.diagnostics import pods, prometheus, summary
from baton.incidents.diagnostics.archive import Archive, safe_path, upload
from baton.incidents.diagnostics.cluster_connection import open_connection
from baton.incidents.diagnostics.collector import FAILED, LATE, CollectionScope, Collector
from baton.incidents.diagnostics.dumps import MAX_PODS, Dump, dumps_of
from baton.incidents.diagnostics.index import PodRow, pod_rows, render_index
from baton.incidents.diagnostics.run_collectors import run_collectors
from baton.incidents.diagnostics.target import Target, allowed_namespaces, target_of
from baton.incidents.diagnostics.workload import find_workload
from baton.kubernetes.api_streams import connection_errors
from baton.notifications.slack import find_connection, post_message
from baton.redaction.redactor import Redactor, secret_values

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
    from airflow.sdk import Context

BUCKET = "diagnostics"
AWS_CONNECTION = "aws_default"
KUBERNETES_CONNECTION = "kubernetes_default"


class CollectDiagnosticsOperator(BaseOperator):
    """Pack logs, events, states, resource use, metrics and rollouts of the workload that the run's alert names.

    All evidence is read at once, redacted in memory, and written as one zip with an index to S3; a summary with a link
    that expires goes to Slack. A collector that fails or takes too long is named in the index; the rest is kept.

    Why a plain task and no pod: the evidence is gone within minutes, and a pod would take longer to start than this
    takes to run. The link is in the Slack message and nowhere else: not in the log, not in the XCom.

    :param queries: what Prometheus is asked.
    :param dumps: commands that may run inside containers; the route's `conf.dump` names one of them.
    :param namespaces: that may be looked into; None: see `allowed_namespaces`. Never from the run's conf.
    :param bucket: of S3.
    :param channel: of Slack.
    :param link_hours: how long the link works; S3 allows 168.
    :param collector_seconds: the time of each collector.
    :param redact_emails: e-mail addresses are taken out like secrets.
    :returns: `archive` (`s3://…`), `size_bytes`, `documents`, `problems`, `seconds`, `slack`.
    :raises PermanentError: the conf is none, or names what does not exist or is not allowed.
    :raises TransientError: the cluster or S3 does not answer.
    """

    def __init__(
        self,
        *,
        queries: Sequence[prometheus.Query] = (),
        dumps: Sequence[Dump] = (),
        namespaces: Sequence[str] | None = None,
        bucket: str = BUCKET,
        channel: str = "#alerts",
        link_hours: float = 24,
        collector_seconds: float = 6,
        redact_emails: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.queries, self.dumps, self.namespaces = tuple(queries), tuple(dumps), namespaces
        self.bucket, self.channel, self.link_hours = bucket, channel, link_hours
        self.collector_seconds, self.redact_emails = collector_seconds, redact_emails

    def execute(self, context: Context) -> dict[str, Any]:
        """Collect, upload, tell."""
        began, run = time.monotonic(), context["dag_run"]
        conf = read_conf(run.conf)
        target = target_of(conf, allowed_namespaces(self.namespaces))
        words = {"dag_id": str(run.dag_id), "run_id": str(run.run_id)}
        key = archive_key(run.dag_id, run.run_id, run.run_after)
        # Connections are asked for here: asking blocks, and would in an event loop.
        s3, hook, collectors = self._s3(), self._cluster_hook(), self._collectors(conf)
        try:
            kept = asyncio.run(self._collect(hook, conf, target, collectors, s3, key, words))
        except connection_errors() as err:
            raise TransientError(f"the Kubernetes API does not answer: {type(err).__name__}") from err
        notified = self._tell(s3.get_conn(), key, conf, target, kept)
        self.log.info("The diagnostics of %s are in s3://%s/%s; Slack: %s", target, self.bucket, key, notified)
        return {
            "archive": f"s3://{self.bucket}/{key}",
            "size_bytes": kept.size_bytes,
            "documents": kept.documents,
            "problems": kept.problems,
            "seconds": round(time.monotonic() - began, 2),
            "slack": notified,
        }

    async def _collect(
        self,
        hook: AsyncKubernetesHook,
        conf: AlertConf,
        target: Target,
        collectors: Sequence[Collector],
        s3: S3Hook,
        key: str,
        words: dict[str, str],
    ) -> _Kept:
        began = datetime.now(UTC)
        async with open_connection(hook, target.namespace) as cluster:
            scope = CollectionScope(cluster, await find_workload(cluster, target), conf, began)
            redactor = _redactor(scope, with_emails=self.redact_emails)
            with upload(s3.get_conn, self.bucket, key) as sink:
                archive = Archive(sink, redactor, began)
                outcomes = await run_collectors(collectors, scope, archive.take)
                archive.settle()
                for outcome in outcomes:
                    outcome.detail = redactor.text(outcome.detail)
                took = (datetime.now(UTC) - began).total_seconds()
                page = render_index(scope, outcomes, archive.entries, redactor, {**words, "seconds": f"{took:.1f}"})
                archive.write("index.html", page.encode())
                archive.close()
        problems = [f"{o.title}: {o.detail}"[:300] for o in outcomes if o.status in (FAILED, LATE)]
        rows = pod_rows(scope.workload.pods, redactor)
        return _Kept(sink.size_bytes, len(archive.entries), [*scope.workload.notes, *problems], rows, redactor)

    def _collectors(self, conf: AlertConf) -> list[Collector]:
        """What is collected. A dump is one of the DAG's, by its name."""
        chosen = conf.choice("dump", [dump.name for dump in self.dumps]) if conf.text("dump") else None
        dumps = [dump for dump in self.dumps if dump.name == chosen]
        seconds = self.collector_seconds
        dump_seconds = sum(dump.seconds for dump in dumps) * MAX_PODS + 1
        return [
            Collector("logs", "Logs", pods.collect_logs, seconds),
            Collector("events", "Events", pods.collect_events, seconds),
            Collector("metrics", "Metrics", prometheus.metrics_of(self._prometheus(), self.queries), seconds),
            Collector("states", "States", pods.collect_states, seconds),
            Collector("rollouts", "Rollouts", pods.collect_rollouts, seconds),
            Collector("usage", "Resource use", pods.collect_usage, seconds),
            Collector("nodes", "Nodes", pods.collect_nodes, seconds),
            *([Collector("dumps", "Dumps", dumps_of(dumps), dump_seconds)] if dumps else []),
        ]

    def _tell(self, client: Any, key: str, conf: AlertConf, target: Target, kept: _Kept) -> str:
        """Post the summary with a link; the link is masked first, should anything log it."""
        from airflow.sdk.log import mask_secret

        parameters = {"Bucket": self.bucket, "Key": key}
        link = client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=int(self.link_hours * 3600))
        mask_secret(link)
        title = kept.redactor.text(conf.alert.labels.get("alertname") or conf.alert.route)
        message = summary.message(
            title=f"Diagnostics: {title}",
            target=str(target),
            pods=kept.pods,
            problems=kept.problems,
            link=link,
            about=summary.about_archive(kept.size_bytes, self.link_hours),
        )
        return post_message(self.channel, message)

    def _prometheus(self) -> prometheus.Server | None:
        connection = find_connection(prometheus.CONNECTION)
        return prometheus.server_of(connection) if connection is not None else None

    def _s3(self) -> S3Hook:
        """The hook, its connection asked for; making its client takes half a second, which the upload's thread does."""
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook
        from botocore.config import Config

        # boto3 would sign links as in 2006, which newer regions and buckets with KMS refuse.
        hook = S3Hook(aws_conn_id=AWS_CONNECTION, config=Config(signature_version="s3v4"))
        _ = hook.conn_config
        return hook

    def _cluster_hook(self) -> AsyncKubernetesHook:
        from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook, KubernetesHook

        extras = KubernetesHook(conn_id=KUBERNETES_CONNECTION).conn_extras
        return AsyncKubernetesHook(conn_id=KUBERNETES_CONNECTION, connection_extras=extras)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the summary tells of an archive."""

    size_bytes: int
    documents: int
    problems: list[str]
    pods: list[PodRow]
    redactor: Redactor


def archive_key(dag_id: str, run_id: str, run_after: datetime) -> str:
    """The archive's key: the same for each try of a run, so that a later one replaces it."""
    return f"{safe_path(dag_id)}/{run_after:%Y/%m/%d}/{safe_path(run_id.replace('/', '_'))}.zip"


def _redactor(scope: CollectionScope, *, with_emails: bool) -> Redactor:
    """One that knows what the telling names of this workload's objects and of the alert reveal."""
    alerts = [{**alert.labels, **alert.annotations} for alert in (scope.conf.alert, *scope.conf.others)]
    revealed = secret_values(scope.workload.pods, scope.workload.objects, alerts)
    return Redactor(revealed, with_emails=with_emails)
