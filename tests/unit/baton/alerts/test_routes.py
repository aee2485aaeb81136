"""Routes: which alert starts what."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from baton.alerts.conf import Alert
from baton.alerts.matchers import MatcherError, read_matchers
from baton.alerts.placeholders import AlertTemplate, PlaceholderError
from baton.alerts.routes import RoutesError, duration, read_routes

PROJECT = Path(__file__).parents[4]
ALERT = Alert(
    "alertmanager",
    "",
    "firing",
    "f1",
    "2026-11-22T08:00:00+00:00",
    labels={"alertname": "CrashLoop", "pod": "api-1"},
    annotations={"summary": "it falls"},
)


def routes(*found: dict[str, Any], **more: Any) -> str:
    return yaml.safe_dump({"version": 1, "routes": list(found), **more})


def route(**differences: Any) -> dict[str, Any]:
    return {"name": "all", "matchers": [], "dag": "diagnose", **differences}


@pytest.mark.parametrize(
    ("text", "does_match"),
    [
        ('alertname="CrashLoop"', True),
        ("alertname=CrashLoop", True),
        ('alertname!="CrashLoop"', False),
        ('alertname=~"Crash.*"', True),
        ('alertname=~"Crash"', False),
        ('alertname=~"rashLoop"', False),
        ('alertname!~"Crash"', True),
        ('missing=""', True),
        ('missing!=""', False),
        ('missing=~".*"', True),
        ('missing!~".+"', True),
        ('{alertname="CrashLoop", pod=~"api-[0-9]+",}', True),
        ('alertname="CrashLoop",pod="other"', False),
        ('"pod"="api-1"', True),
        (r'pod!="a \"quoted\" text, with = and }"', True),
    ],
)
def test_matchers_mean_what_they_mean_in_alertmanager(text: str, does_match: bool) -> None:
    """A missing label is the empty text; regular expressions match as a whole."""
    assert all(matcher.matches(ALERT.labels) for matcher in read_matchers(text)) is does_match


@pytest.mark.parametrize(
    "text", ["", "{}", "alertname", "=x", 'a="b', 'a="b" c="d"', 'a=~"("', 'a=="b"c', "a=b,,c=d", 'a="b"}']
)
def test_what_is_no_matcher_is_refused(text: str) -> None:
    """With what could not be read."""
    with pytest.raises(MatcherError):
        read_matchers(text)


@pytest.mark.parametrize("text", ['a="b"', r'weird="\"\\\n"', 'a!~"x|y"', 'severity=~"page|critical"'])
def test_matcher_is_written_as_it_was_read(text: str) -> None:
    """So that people see their own words."""
    [matcher] = read_matchers(text)
    assert str(matcher) == text


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("{{ labels.pod }}", "api-1"),
        ("{{labels.pod}}/{{ status }}", "api-1/firing"),
        ("{{ labels.deployment | labels.pod }}", "api-1"),
        ("{{ labels.deployment | 'none' }}", "none"),
        ('{{ labels.deployment | "a }} b" }}', None),
        ("{{ annotations.summary }}", "it falls"),
        ("{{ labels.missing }}", ""),
        ("{{ }}", None),
        ("{{ labels }}", None),
        ("{{ labels.a + labels.b }}", None),
        ("{{ __class__ }}", None),
        ("{{ labels.pod | }}", None),
    ],
)
def test_places_are_filled_and_nothing_else_is_understood(text: str, filled: str | None) -> None:
    """None: refused when the routes are read."""
    if filled is None:
        with pytest.raises(PlaceholderError):
            AlertTemplate(text)
    else:
        assert AlertTemplate(text).of(ALERT) == filled


def test_what_is_filled_in_is_never_a_template() -> None:
    """A label that looks like a place stays a text."""
    evil = replace(ALERT, labels={"pod": "{{ labels.secret }}", "secret": "x"})
    assert AlertTemplate("{{ labels.pod }}").of(evil) == "{{ labels.secret }}"


def test_defaults_hold_where_a_route_says_nothing() -> None:
    """The file's own before the built-in ones."""
    text = routes(route(), route(name="own", cooldown="1h30m"), defaults={"cooldown": "90s", "on_resolved": "note"})
    first, second = read_routes(text).routes
    assert (first.cooldown, first.on_resolved, first.storm.runs) == (timedelta(seconds=90), "note", 20)
    assert second.cooldown == timedelta(minutes=90)
    assert duration("0s") == timedelta(0)


def test_orders_of_jobs_are_only_for_routes_that_name_them() -> None:
    """Else a route that takes everything would run for an order."""
    found = read_routes(routes(route(name="all"), route(name="jobs", sources=["jobs"])))
    assert [match.name for match in found.matching(replace(ALERT, source="jobs"))] == ["jobs"]
    assert [match.name for match in found.matching(ALERT)] == ["all"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("routes: [", "no YAML"),
        ("7", "the file: 7 is not of type 'object'"),
        ("version: 2\nroutes: []", "version: 1 was expected"),
        (routes(route(dag=None)), "routes.0"),
        (routes(route(job_template="x")), "routes.0"),
        (routes(route(name="A b")), "routes.0.name"),
        (routes(route(), route()), "two routes named all"),
        (routes(route(matchers=["x"])), "route all: no matcher"),
        (routes(route(matchers=['x=~"(a"'])), "regular expression of 'x'"),
        (routes(route(conf={"name": "{{ x }}"})), "an alert has no 'x'"),
        (routes(route(cooldown="10 minutes")), "routes.0.cooldown"),
        (routes(route(storm={"runs": 1, "per": "0s"})), "must be longer than 0s"),
        (routes(route(surprise=1)), "surprise"),
    ],
)
def test_file_that_cannot_be_used_says_where(text: str, message: str) -> None:
    """The message is what the page and `./baton alerts test` show."""
    with pytest.raises(RoutesError, match=message.replace("(", r"\(")):
        read_routes(text)


def test_projects_own_routes_can_be_used() -> None:
    """And name templates that exist."""
    found = read_routes((PROJECT / "include" / "alerts" / "routes.yaml").read_text())
    folder = PROJECT / "include" / "manifests" / "job_templates"
    templates = [route.target["template"].text for route in found.routes if "template" in route.target]
    assert templates
    assert all((folder / f"{name}.yaml").is_file() for name in templates)
