"""Metrics around the alert, from Prometheus. The queries are the DAG's; labels only ever become quoted matchers.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from baton.exceptions import BatonError, PermanentError
from baton.incidents.diagnostics.collector import (
    Collect,
    CollectionScope,
    Document,
    Figure,
    NothingToCollectError,
    PartlyCollectedError,
)

CONNECTION = "prometheus_default"
BEFORE = timedelta(minutes=30)
"""How long before the alert's begin the range starts."""
LONGEST = timedelta(hours=6)
"""Of the range; for an alert that began long ago it is the end that is of interest."""
STEPS = 240
SHORTEST_STEP_SECONDS = 15
MAX_SERIES = 40
MAX_BYTES = 4 * 1024 * 1024
_PLACES = re.compile(r"\$(pods|labels)\b")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class PrometheusError(BatonError):
    """Prometheus refuses, or its answer is no answer."""


@dataclass(frozen=True, slots=True)
class Query:
    """One named query of the DAG.

    :param query: PromQL, in which `$pods` stands for matchers of the namespace and its pods, and `$labels` for one
        matcher for each of `labels`, with the alert's value.
    :param labels: labels of the alert that `$labels` is made of; without one of them the query is not asked.
    """

    name: str
    title: str
    query: str
    unit: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """Where Prometheus is, and how one signs in. Never printed."""

    url: str
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        """Without the password."""
        return f"Server({self.url!r})"


def server_of(connection: Any) -> Server:
    """The server of an Airflow connection: its host with or without scheme, port, path (schema may be the scheme)."""
    host = str(connection.host or "")
    if "://" not in host:
        host = f"{connection.schema or 'http'}://{host}"
    scheme, _, rest = host.partition("://")
    if scheme not in ("http", "https") or not rest:
        raise PermanentError(f"connection {CONNECTION} has no address: give http://host as its host")
    place, slash, path = rest.partition("/")
    port = f":{connection.port}" if connection.port and ":" not in place else ""
    url = f"{scheme}://{place}{port}{slash}{path}".rstrip("/")
    return Server(url, connection.login or "", connection.password or "")


def matchers(values: Mapping[str, str], patterns: Mapping[str, Sequence[str]] | None = None) -> str:
    """Matchers between braces: equal to a value, or to one of several.

    :raises PermanentError: a label's name is none.
    """
    found = [f"{_name(name)}={_quoted(value)}" for name, value in values.items()]
    for name, choices in (patterns or {}).items():
        found.append(f"{_name(name)}=~{_quoted('|'.join(map(_literal, choices)))}")
    return ",".join(found)


def _name(name: str) -> str:
    if not _LABEL_NAME.fullmatch(name):
        raise PermanentError(f"{name!r} is not the name of a label in Prometheus")
    return name


def _quoted(value: str) -> str:
    """A string of PromQL; JSON's escapes are among Go's, and what is not ASCII is written as an escape, too."""
    written = json.dumps(value.encode("utf-8", "replace").decode("utf-8"), ensure_ascii=False)
    return "".join(c if c.isprintable() and ord(c) < 0x7F else _escape(c) for c in written)


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _literal(text: str) -> str:
    """A text as a pattern of RE2 that only fits itself."""
    return re.sub(r"([^A-Za-z0-9_])", lambda match: f"\\x{{{ord(match[1]):x}}}" if match[1] != "-" else "-", text)


def filled(query: Query, scope: CollectionScope) -> str:
    """The query with its places filled.

    :raises NothingToCollectError: the alert does not have a label that the query needs.
    """
    labels = scope.conf.alert.labels
    if missing := [name for name in query.labels if not labels.get(name)]:
        raise NothingToCollectError(f"the alert has no label {', '.join(missing)}")
    pods = [pod["metadata"]["name"] for pod in scope.workload.pods]
    if "$pods" in query.query and not pods:
        raise NothingToCollectError("there is no pod to ask for")
    texts = {
        "pods": matchers({"namespace": scope.workload.target.namespace}, {"pod": pods}),
        "labels": matchers({name: labels[name] for name in query.labels}),
    }
    return _PLACES.sub(lambda match: texts[match[1]], query.query)


def metrics_of(server: Server | None, queries: Sequence[Query]) -> Collect:
    """The collector of these queries' results."""

    async def collect(scope: CollectionScope) -> AsyncGenerator[Document]:
        if server is None:
            raise NothingToCollectError(f"there is no Airflow connection {CONNECTION}")
        import httpx

        auth = httpx.BasicAuth(server.user, server.password) if server.user else None
        headers = {"Authorization": f"Bearer {server.password}"} if server.password and not server.user else {}
        answered, notes, failures = 0, [], []
        async with httpx.AsyncClient(base_url=server.url, auth=auth, headers=headers, timeout=60) as client:
            for query in queries:
                try:
                    yield await _document(client, query, scope)
                    answered += 1
                except NothingToCollectError as err:
                    notes.append(f"{query.name}: {err}")
                except PrometheusError as err:  # of this query: the others may be answered
                    failures.append(f"{query.name}: {err}")
                except httpx.HTTPError as err:
                    raise PrometheusError(f"{server.url} does not answer: {type(err).__name__}") from err
        if failures:
            raise PartlyCollectedError("; ".join(failures))
        if not answered:
            raise NothingToCollectError("; ".join(notes) or "there are no queries")

    return collect


async def _document(client: Any, query: Query, scope: CollectionScope) -> Document:
    begin, end = time_range(scope.conf.alert.begin, scope.until)
    step = max(SHORTEST_STEP_SECONDS, math.ceil((end - begin).total_seconds() / STEPS))
    # Counted back from the end, or the newest samples would lie behind the last step.
    start = end.timestamp() - step * math.floor((end - begin).total_seconds() / step)
    parameters = {"query": filled(query, scope), "start": start, "end": end.timestamp(), "step": step}
    series = _series(await _ask(client, parameters))
    if not series:
        raise NothingToCollectError("no such series")
    rows = [
        f"{datetime_text(moment)}\t{label}\t{value}\n" for label, points in series.items() for moment, value in points
    ]
    figure = Figure(query.title, query.unit, series, scope.conf.alert.begin.timestamp())
    text = f"# {parameters['query']}\ntime\tseries\tvalue\n" + "".join(rows)
    return Document(f"metrics/{query.name}.tsv", query.title, text, figure)


def time_range(begin: datetime, until: datetime) -> tuple[datetime, datetime]:
    """From some time before the alert until now; of an alert that began long ago, the last hours."""
    return max(min(begin, until) - BEFORE, until - LONGEST), until


def datetime_text(moment: float) -> str:
    """Unix time as ISO 8601 in UTC."""
    from datetime import UTC

    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


async def _ask(client: Any, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = b""
    async with client.stream("POST", "/api/v1/query_range", data=dict(parameters)) as response:
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > MAX_BYTES:
                raise PrometheusError(f"the answer is larger than {MAX_BYTES} bytes: sum over fewer labels")
        status = response.status_code
    try:
        answer = json.loads(content)
    except ValueError as err:
        raise PrometheusError(f"answered with status {status} and no JSON") from err
    if not isinstance(answer, dict):
        raise PrometheusError(f"answered with status {status} and no object")
    if answer.get("status") != "success":
        raise PrometheusError(f"refused with status {status}: {str(answer.get('error', ''))[:300]}")
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def _series(results: list[dict[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for result in results[:MAX_SERIES]:
        metric = {name: value for name, value in result["metric"].items() if name != "__name__"}
        label = ", ".join(f"{name}={value}" for name, value in sorted(metric.items())) or "value"
        points = [(float(moment), float(value)) for moment, value in result["values"]]
        found[label] = [(moment, value) for moment, value in points if math.isfinite(value)]
    return found
