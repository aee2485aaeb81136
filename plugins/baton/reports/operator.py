"""Deliver one rendered report to its recipients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from baton.exceptions import PermanentError
from baton.notifications.slack import SLACK_CONNECTION, connect
from baton.reports.delivery import Channel, deliver
from baton.reports.delivery_ledger import DeliveryLedger
from baton.reports.files import Files

if TYPE_CHECKING:
    from airflow.sdk import Context
    from slack_sdk import WebClient

REGISTRY_CONNECTION = "warehouse_default"


class DeliverReportOperator(BaseOperator):
    """Register a report and send it by mail and to Slack, each channel once for the report's period.

    Why here and not in the pod that rendered it: the pod reads the databases and reaches nobody; whoever reaches the
    mail server and Slack reads no database but the delivery ledger. Airflow's connections name both.

    :param manifest: URI of the report's manifest. (templated)
    :param recipients: kind of channel → addresses; see `baton.reports.recipients`.
    :param skip_empty: a report that has nothing to tell is not delivered, and this task is skipped.
    :returns: channel → how it went.
    :raises PermanentError: refused for good.
    :raises TransientError: at least one channel failed; the next try sends only through that one.
    """

    template_fields: Sequence[str] = ("manifest",)

    def __init__(
        self, *, manifest: str, recipients: Mapping[str, Sequence[str]], skip_empty: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        self.manifest = manifest
        self.recipients = recipients
        self.skip_empty = skip_empty

    def execute(self, context: Context) -> dict[str, str]:
        """Register, then send."""
        files = Files()
        manifest = files.manifest(self.manifest)
        if self.skip_empty and manifest["is_empty"]:
            raise AirflowSkipException(f"report {manifest['report_id']} has nothing to tell")
        with _ledger() as ledger:
            run = context["dag_run"]
            ledger.register(manifest, self.recipients, f"{run.dag_id}/{run.run_id}")
            outcome = deliver(files.rendered_report(manifest), self._channels(), ledger)
            return outcome.sent | outcome.refused

    def _channels(self) -> list[Channel]:
        return [*self._mail(), *self._slack()]

    def _mail(self) -> list[Channel]:
        if not self.recipients.get("mail"):
            return []
        from baton.notifications.mail_server import MessageHook
        from baton.reports.mail import MailChannel

        server, recipients = MessageHook(), list(dict.fromkeys(self.recipients["mail"]))
        return [MailChannel(recipient, server, recipients) for recipient in recipients]

    def _slack(self) -> list[Channel]:
        if not self.recipients.get("slack"):
            return []
        from baton.reports.slack import SlackChannel

        return [SlackChannel(_slack_client, channel) for channel in dict.fromkeys(self.recipients["slack"])]


def _slack_client() -> WebClient:
    try:
        return connect()
    except AirflowException as err:
        raise PermanentError(f"connection {SLACK_CONNECTION} is missing or has no token: make it to post") from err


@contextmanager
def _ledger() -> Iterator[DeliveryLedger]:
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    connection: Any = PostgresHook(postgres_conn_id=REGISTRY_CONNECTION).get_conn()
    try:
        connection.autocommit = True
        ledger = DeliveryLedger(connection)
        ledger.prepare()
        yield ledger
    finally:
        connection.close()
