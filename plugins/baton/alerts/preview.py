"""What a payload would trigger, without a database: for whoever writes routes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from baton.alerts.conf import Alert
from baton.alerts.keys import cooldown_key, run_id
from baton.alerts.payloads import Post
from baton.alerts.routes import Route, Routes


def preview(routes: Routes, post: Post) -> Iterator[str]:
    """Lines for people: each alert, and below it what its routes would do with it."""
    for received in post.received:
        alert = received.alert
        name = alert.labels.get("alertname") or alert.labels.get("template") or alert.fingerprint
        yield f"{name}  {alert.status}  {_labels(alert)}"
        if received.problem:
            yield f"  unreadable: {received.problem}"
            continue
        found = routes.matching(alert)
        if not found:
            yield "  unmatched: no route takes these labels"
        for route in found:
            yield from _route(replace(alert, route=route.name), route)
    if post.left_out:
        yield f"{post.left_out} alerts were left out by the sender (truncatedAlerts)"


def _labels(alert: Alert) -> str:
    return ", ".join(f'{name}="{text}"' for name, text in sorted(alert.labels.items()) if name != "alertname")


def _route(alert: Alert, route: Route) -> Iterator[str]:
    yield f"  route {route.name}: {_what(alert, route)}"
    if alert.status == "resolved":
        return
    starts_at = datetime.fromisoformat(alert.starts_at) if alert.starts_at else datetime.now(UTC)
    yield f"    run id    {run_id(route.name, alert, starts_at)}"
    for name, text in route.target_of(alert).items():
        yield f"    target    {name}: {text}"
    missing = sorted(set(route.target) - set(route.target_of(alert)))
    if missing:
        yield f"    empty     {', '.join(missing)}"
    shared = ", ".join(route.deduplicate_by) or "the fingerprint"
    key = cooldown_key(alert, route.deduplicate_by)
    yield f"    cooldown  {route.cooldown}, by {shared} ({key})"
    yield f"    storm     {route.storm.runs} runs in {route.storm.per}, then one that names the rest"


def _what(alert: Alert, route: Route) -> str:
    if alert.status != "resolved":
        return f"a run of {route.dag_id}"
    return {"ignore": "nothing", "cancel": "ends its run", "note": "a note to its run"}[route.on_resolved]
