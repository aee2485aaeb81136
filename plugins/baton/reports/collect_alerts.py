"""Ask Alertmanager and the alert receiver what there was, and store the answers where the report's pod finds them."""

from __future__ import annotations

import json
import logging
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from baton.airflow_rest import AirflowError, AirflowRest
from baton.exceptions import TransientError
from baton.notifications.slack import find_connection
from baton.settings import settings

log = logging.getLogger(__name__)

ALERTMANAGER_CONNECTION = "alertmanager_default"
AIRFLOW_CONNECTION = "airflow_api_default"
"""Airflow's own API, by a user who may see runs: tasks do not read its database, where the receiver's table is."""
TIMEOUT_SECONDS = 20
SHOWN = ("labels", "startsAt", "endsAt", "fingerprint", "status")


def collect_alerts(key: str, hours: int | str = 24) -> str:
    """Store what is known about alerts.

    A source that is not connected, or does not answer, is named in the document: a digest that silently lacks a source
    would read as "all is well".

    :param key: names the file.
    :param hours: how far the digest looks back.
    :returns: its URI.
    """
    since = datetime.now(UTC) - timedelta(hours=int(hours))
    document = {"alertmanager": _alertmanager(), "receiver": _receiver(since)}
    uri = f"{settings().reports_uri.rstrip('/')}/alert_digest/inputs/{key}.json"
    _store(uri, json.dumps(document).encode())
    return uri


def _alertmanager() -> dict[str, Any]:
    import httpx

    connection = find_connection(ALERTMANAGER_CONNECTION)
    if connection is None:
        log.warning("There is no connection %s: the digest will say so", ALERTMANAGER_CONNECTION)
        return {"state": "absent"}
    login = httpx.BasicAuth(connection.login, connection.password or "") if connection.login else None
    try:
        response = httpx.get(
            f"{_address(connection)}/api/v2/alerts",
            params={"active": "true", "silenced": "false", "inhibited": "false"},
            auth=login,
            timeout=TIMEOUT_SECONDS,
        ).raise_for_status()
        alerts = response.json()
    except (httpx.HTTPError, ValueError) as err:
        log.warning("Alertmanager cannot be asked (%s): the digest will say so", type(err).__name__)
        return {"state": "unreachable"}
    return {"state": "ok", "alerts": [{name: alert.get(name) for name in SHOWN} for alert in alerts]}


def _receiver(since: datetime) -> dict[str, Any]:
    """Count what the alert receiver decided, by alert and decision; repeats are counted on the row of the first."""
    connection = find_connection(AIRFLOW_CONNECTION)
    if connection is None:
        log.warning("There is no connection %s: the digest will say so", AIRFLOW_CONNECTION)
        return {"state": "absent"}
    try:
        with closing(AirflowRest.signed_in(_address(connection), connection.login, connection.password)) as client:
            found = client.call("GET", "/baton/alerts/counted", params={"since": since.isoformat()})
            return {"state": "ok", "decisions": list(found["decisions"]), "left_out": int(found["left_out"])}
    except (AirflowError, ValueError, KeyError, TypeError) as err:
        log.warning("The alert receiver cannot be asked (%s): the digest will say so", type(err).__name__)
        return {"state": "unreachable"}


def _address(connection: Any) -> str:
    host = str(connection.host or "")
    scheme = connection.schema if connection.schema in ("http", "https") else "http"
    address = host if "://" in host else f"{scheme}://{host}"
    return f"{address}:{connection.port}" if connection.port else address.rstrip("/")


def _store(uri: str, content: bytes) -> None:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from botocore.exceptions import BotoCoreError, ClientError

    parts = urlsplit(uri)
    try:
        S3Hook(aws_conn_id="aws_default").get_conn().put_object(
            Bucket=parts.netloc, Key=parts.path.lstrip("/"), Body=content
        )
    except (ClientError, BotoCoreError) as err:
        raise TransientError(
            f"{uri} cannot be written ({type(err).__name__}): check the connection aws_default"
        ) from err
