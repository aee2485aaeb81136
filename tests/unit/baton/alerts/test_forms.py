"""The forms of common senders, as their documentation shows them, each with what is read of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from baton.alerts.payloads import BodyError
from baton.alerts.senders import SENDERS, read_body

BODIES = Path(__file__).parent / "bodies"
MAPPED = sorted(sender.name for sender in SENDERS.values() if sender.mapping)
CASES = [(file.stem, case) for file in sorted(BODIES.glob("*.json")) for case in json.loads(file.read_text())]
VENDORS = [(name, case) for name, case in CASES if name != "cloudevents"]


def read(name: str, case: dict[str, Any]) -> list[Any]:
    return read_body(json.dumps(case["body"]).encode(), name, case["headers"]).received


def test_each_mapping_has_bodies() -> None:
    """A form that nobody has tried is none."""
    assert sorted(file.stem for file in BODIES.glob("*.json")) == MAPPED


@pytest.mark.parametrize(("name", "case"), CASES)
def test_body_is_read_as_its_sender_means_it(name: str, case: dict[str, Any]) -> None:
    """Name, status, start, link and labels of each alert; what is no alert is none."""
    received = read(name, case)
    assert [found.problem or found.remark for found in received] == [""] * len(case["alerts"])
    for wanted, found in zip(case["alerts"], received, strict=True):
        alert = found.alert
        told = (alert.status, alert.labels["alertname"], alert.starts_at, alert.generator_url, alert.source)
        assert told == (wanted["status"], wanted["name"], wanted["starts_at"], wanted["url"], name)
        assert wanted["labels"].items() <= alert.labels.items()
        assert wanted["fingerprint"] in (None, alert.fingerprint)


@pytest.mark.parametrize("name", MAPPED)
def test_end_of_an_alert_is_the_same_alert(name: str) -> None:
    """By its fingerprint, which a run is ended by."""
    alerts = [
        found.alert for case in json.loads((BODIES / f"{name}.json").read_text())[:2] for found in read(name, case)
    ]
    if name == "cloudevents":  # each event is its own
        return
    assert [alert.status for alert in alerts] == ["firing", "resolved"]
    assert len({alert.fingerprint for alert in alerts}) == 1


@pytest.mark.parametrize(("name", "case"), VENDORS)
def test_address_for_every_form_knows_them_too(name: str, case: dict[str, Any]) -> None:
    """`/alerts/v1/generic`, for whoever does not look for the name."""
    if not case["alerts"]:
        return
    assert [found.alert.source for found in read("generic", case)] == [name] * len(case["alerts"])


@pytest.mark.parametrize("name", [name for name in MAPPED if name != "cloudevents"])
@pytest.mark.parametrize("body", [{}, [], 7, "x", None, {"alerts": []}, {"data": {"a": [1]}}, [[]], {"event": 1}])
def test_another_body_is_refused_by_the_forms_name(name: str, body: Any) -> None:
    """With one sentence for the sender's log."""
    with pytest.raises(BodyError, match="the body is none of"):
        read(name, {"body": body, "headers": {}})


@pytest.mark.parametrize(("name", "case"), VENDORS)
@pytest.mark.parametrize("junk", [None, [], {}, 7, "x", [{"a": [None]}], True, -1, "\ud800"])
def test_any_value_at_any_place_is_read_or_refused(name: str, case: dict[str, Any], junk: Any) -> None:
    """A sender that changes a field costs at most that alert, never an answer of 500."""
    for path in _paths(case["body"]):
        changed = json.loads(json.dumps(case["body"]))
        part = changed
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = junk
        try:
            read(name, {"body": changed, "headers": case["headers"]})
        except BodyError:
            continue


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in items for found in [(*path, key), *_paths(inner, (*path, key))]]


def test_event_around_another_form_is_taken_off() -> None:
    """A broker that wraps what it forwards changes nothing."""
    [case, *_] = json.loads((BODIES / "pagerduty.json").read_text())
    event = {"specversion": "1.0", "type": "x", "source": "/broker", "id": "1", "data": case["body"]}
    assert read("pagerduty", {**case, "body": event}) == read("pagerduty", case)
