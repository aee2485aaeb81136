"""Reports that were made: the delivery ledger in the warehouse, and links to their files that expire.

A link names a report and a file and is signed with the secret of the API servers. The file comes through the API
server: neither the bucket's key nor an address of the bucket leaves it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from baton.airflow_internals.airflow_server import server_secret
from baton.airflow_internals.stored_runs import find_run
from baton.exceptions import BatonError
from baton.jobs.api.callers import Caller, Right
from baton.jobs.api.catalogue import DAGS
from baton.jobs.api.executions import execution_id
from baton.jobs.api.problems import ApiError
from baton.jobs.api.shapes import Report, ReportDelivery, ReportFile
from baton.reports.delivery_ledger import DeliveryLedger, RegisteredReport
from baton.reports.files import Files
from baton.reports.operator import REGISTRY_CONNECTION

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LINK_SECONDS = 3600
_SALT = "baton report"
TYPES = {
    "pdf": "application/pdf",
    "page": "text/html; charset=utf-8",
    "mail": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "data": "application/json",
}
_NO_LEDGER = (
    f"the reports' ledger does not answer: is the connection {REGISTRY_CONNECTION} there, and the warehouse up?"
)


def id_of(report_id: str) -> str:
    """A report's id for addresses: `daily_sales/2026-01-12` is `daily_sales~2026-01-12` there."""
    return report_id.replace("/", "~", 1)


def report_id_of(given: str) -> str:
    """What `id_of` was made of."""
    return given.replace("~", "/", 1)


@contextmanager
def ledger() -> Iterator[DeliveryLedger]:
    """The ledger, for as long as a block lasts.

    :raises ApiError: 503 it does not answer.
    """
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException
    from psycopg2 import Error  # type: ignore[import-untyped]

    try:
        connection: Any = PostgresHook(postgres_conn_id=REGISTRY_CONNECTION).get_conn()
    except (AirflowNotFoundException, AirflowException, Error) as err:
        raise ApiError(503, _NO_LEDGER, {"Retry-After": "30"}) from err
    try:
        connection.autocommit = True
        made = DeliveryLedger(connection)
        made.prepare()
        yield made
    except Error as err:
        raise ApiError(503, _NO_LEDGER, {"Retry-After": "30"}) from err
    finally:
        connection.close()


def may_see(session: Session, caller: Caller, report: RegisteredReport) -> bool:
    """Whoever may see the job that made it; one whose job is gone is for callers without limits."""
    dag_id, _ = _maker(report)
    found = DAGS.read(session, [dag_id])
    return bool(caller.readable(found)) if found else caller.may(Right.READ, dag_id, ())


def _maker(report: RegisteredReport) -> tuple[str, str]:
    """Ids of DAG and run."""
    dag_id, _, run_id = report.made_by.partition("/")
    return dag_id, run_id


def shown(session: Session, report: RegisteredReport) -> Report:
    """A report in the words of the API."""
    dag_id, run_id = _maker(report)
    run = find_run(session, dag_id, run_id)
    number = execution_id(run.number, run.run_type, run.run_after) if run else None
    address = f"/baton/v1/reports/{quote(id_of(report.report_id))}"
    return Report(
        id=id_of(report.report_id),
        name=report.name,
        title=report.title,
        period=report.period,
        period_label=report.period_label,
        state=report.state,
        recipients=report.recipients,
        files=[ReportFile(kind=each["kind"], content_type=type_of(each["kind"]), size_bytes=each.get("size_bytes"))
               for each in report.files],
        deliveries=[ReportDelivery(channel=each.channel, state=each.state, attempts=each.attempts, note=each.note)
                    for each in report.deliveries],
        rendered_at=report.rendered_at,
        job_id=dag_id,
        execution_id=number,
        links={"self": address, "download": f"{address}/download"},
    )  # fmt: skip


def type_of(kind: str) -> str:
    """Media type of a kind of file."""
    return "image/png" if kind.startswith("chart") else TYPES.get(kind, "application/octet-stream")


def kind_of(report: RegisteredReport, wanted: str | None) -> str:
    """The file that is wanted; without a wish the PDF, or else the first.

    :raises ApiError: 404 there is none.
    """
    kinds = [each["kind"] for each in report.files]
    chosen = wanted or ("pdf" if "pdf" in kinds else next(iter(kinds), None))
    if chosen is None or chosen not in kinds:
        raise ApiError(404, f"the report has no {wanted or 'file'}; it has {', '.join(kinds) or 'nothing'}")
    return chosen


def signed(report_id: str, kind: str) -> tuple[str, datetime]:
    """The token of a link, and when it expires."""
    expires = datetime.fromtimestamp(int(time.time()) + LINK_SECONDS, UTC)
    return _signer().dumps([report_id, kind]), expires


def unsigned(token: str, report_id: str) -> str:
    """The kind of file that a link's token is for.

    :raises ApiError: 403 it has expired, or is none.
    """
    try:
        about, kind = _signer().loads(token, max_age=LINK_SECONDS)
    except SignatureExpired as err:
        raise ApiError(403, "this link has expired: ask for a new one") from err
    except (BadSignature, ValueError, TypeError) as err:
        raise ApiError(403, "this is no link of ours") from err
    if about != report_id:
        raise ApiError(403, "this link is for another report")
    return str(kind)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(server_secret(), salt=_SALT)


def content(report: RegisteredReport, kind: str) -> bytes:
    """A file of a report.

    :raises ApiError: 404 it is not there any more, 503 the store does not answer.
    """
    uri = next(each["uri"] for each in report.files if each["kind"] == kind)
    try:
        return Files().read(uri)
    except FileNotFoundError as err:
        raise ApiError(404, f"the {kind} of {report.report_id} is not there any more") from err
    except BatonError as err:
        status = 503 if type(err).__name__ == "TransientError" else 404
        raise ApiError(status, str(err)) from err
