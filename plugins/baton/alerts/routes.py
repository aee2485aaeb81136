"""Which alert starts what: the routes of `include/alerts/routes.yaml`, read and checked."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from baton.alerts.conf import Alert
from baton.alerts.matchers import Matcher, MatcherError, read_matchers
from baton.alerts.payloads import JOBS
from baton.alerts.placeholders import AlertTemplate, PlaceholderError
from baton.alerts.senders import ENDPOINTS
from baton.data_file import problem_of
from baton.durations import DurationError, read_duration
from baton.exceptions import PermanentError
from plain_yaml import UnreadableError, load

JOB_DAG = "run_job_template"
"""Runs a Job from a named template."""
_DEFAULTS = {"cooldown": "10m", "storm": {"runs": 20, "per": "10m"}, "on_resolved": "ignore"}
_GATHER = "30s"
_LONGEST = timedelta(days=366)


class RoutesError(PermanentError):
    """The file of routes cannot be used; the message names the place in it."""


@dataclass(frozen=True, slots=True)
class Storm:
    """At most `runs` runs in each `per`; the rest is named by one run that starts `gather` after the first of them."""

    runs: int
    per: timedelta
    gather: timedelta


@dataclass(frozen=True, slots=True)
class Route:
    """One route.

    :param target: what a run gets as `conf.target`, by name.
    :param deduplicate_by: labels; empty: each fingerprint is a key of its own.
    """

    name: str
    dag_id: str
    matchers: tuple[Matcher, ...]
    sources: frozenset[str]
    target: dict[str, AlertTemplate]
    deduplicate_by: tuple[str, ...]
    cooldown: timedelta
    storm: Storm
    on_resolved: str
    goes_on: bool

    def matches(self, alert: Alert) -> bool:
        """Whether the alert is meant."""
        from_there = alert.source in self.sources if self.sources else alert.source != JOBS
        return from_there and all(matcher.matches(alert.labels) for matcher in self.matchers)

    def target_of(self, alert: Alert) -> dict[str, str]:
        """What the run gets as `conf.target`; what is empty is left out."""
        return {name: text for name, fill in self.target.items() if (text := fill.of(alert))}


@dataclass(frozen=True, slots=True)
class Routes:
    """All routes of one file.

    :param text: the file's, to be kept for a start with a broken file.
    """

    text: str
    routes: tuple[Route, ...] = field(default=())

    @property
    def digest(self) -> str:
        """Tells versions of the file apart."""
        return sha256(self.text.encode()).hexdigest()[:12]

    def matching(self, alert: Alert) -> list[Route]:
        """The routes that take an alert, in their order."""
        found: list[Route] = []
        for route in self.routes:
            if route.matches(alert):
                found.append(route)
                if not route.goes_on:
                    break
        return found


def read_routes(text: str, endpoints: Collection[str] = ENDPOINTS) -> Routes:
    """Read the text of a file of routes.

    :param endpoints: the senders that there are.
    :raises RoutesError: the first thing that is wrong with it, and where.
    """
    try:
        document = load(text)
    except UnreadableError as err:
        raise RoutesError(f"it is no YAML that can be used: {err}") from err
    if problem := problem_of(document, schema(tuple(endpoints))):
        raise RoutesError(problem)
    defaults = _DEFAULTS | (document.get("defaults") or {})
    routes = tuple(_route(defaults | found, index) for index, found in enumerate(document["routes"]))
    names = [route.name for route in routes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RoutesError(f"there are two routes named {', '.join(twice)}: names tell runs apart")
    return Routes(text, routes)


@lru_cache(maxsize=8)
def schema(endpoints: tuple[str, ...] = ENDPOINTS) -> dict[str, Any]:
    """The JSON schema of the file, with the senders that there are."""
    text = files("baton.alerts").joinpath("routes.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    found["$defs"]["sender"]["enum"] = sorted(endpoints)
    return found


def duration(text: str) -> timedelta:
    """A length of time such as `90s`, `10m`, `1h30m`.

    :raises RoutesError: it is longer than any that is of use, which also would not fit a date.
    """
    try:
        return read_duration(text, _LONGEST)
    except DurationError as err:
        raise RoutesError(str(err)) from err


def _route(found: dict[str, Any], index: int) -> Route:
    where = f"route {found.get('name') or index}"
    try:
        matchers = tuple(matcher for text in found["matchers"] for matcher in read_matchers(text))
        target = {name: AlertTemplate(text) for name, text in (found.get("conf") or {}).items()}
    except (MatcherError, PlaceholderError) as err:
        raise RoutesError(f"{where}: {err}") from err
    if wrong := [name for name in found.get("deduplicate_by") or () if name.startswith(("labels.", "annotations."))]:
        raise RoutesError(f"{where}: deduplicate_by names labels as they are called: {wrong[0].partition('.')[2]!r}")
    storm = found["storm"]
    template = found.get("job_template")
    per = duration(storm["per"])
    if not per:
        raise RoutesError(f"{where}: storm.per must be longer than 0s")
    return Route(
        name=found["name"],
        dag_id=JOB_DAG if template else found["dag"],
        matchers=matchers,
        sources=frozenset(found.get("sources") or ()),
        target=target | ({"template": AlertTemplate(template)} if template else {}),
        deduplicate_by=tuple(sorted(found.get("deduplicate_by") or ())),
        cooldown=duration(found["cooldown"]),
        storm=Storm(storm["runs"], per, duration(storm.get("gather", _GATHER))),
        on_resolved=found["on_resolved"],
        goes_on=found.get("continue", False),
    )
