"""Bodies of senders."""

import json
from pathlib import Path
from typing import Any

import pytest

from baton.alerts.keys import cooldown_key, run_id, window_of
from baton.alerts.payloads import BodyError, Received
from baton.alerts.senders import read_body

FULL = json.loads((Path(__file__).parent / "group.json").read_text())


def read(body: Any, source: str = "alertmanager") -> list[Received]:
    return read_body(json.dumps(body).encode(), source).received


def test_alertmanagers_webhook_is_read_in_full() -> None:
    """Version 4, as Alertmanager sends it."""
    [received] = read(FULL)
    alert = received.alert
    assert received.problem == ""
    assert (alert.status, alert.fingerprint, alert.receiver) == ("firing", "d1f0a5b2c3d4e5f6", "baton")
    assert (alert.starts_at, alert.ends_at) == ("2026-11-22T08:00:00.123456+00:00", "")
    assert alert.group_key.startswith("{}")
    assert alert.generator_url == "http://prometheus.example.org/graph"


@pytest.mark.parametrize(
    "body",
    [
        {"alerts": [{"labels": {"a": "b"}}]},
        [{"labels": {"a": "b"}}],
        {"labels": {"a": "b"}},
        {"labels": {"a": "b"}, "starts_at": None, "annotations": None, "fingerprint": 7},
        {"title": "a template's own field", "alerts": [{"labels": {"a": "b"}, "silenceURL": "http://x"}]},
    ],
)
def test_templated_payloads_are_read_by_what_they_have(body: Any) -> None:
    """Labels are enough; the fingerprint is made of them."""
    [received] = read(body, "grafana")
    assert (received.alert.labels, received.alert.status, received.alert.starts_at) == ({"a": "b"}, "firing", "")
    assert received.alert.fingerprint == read([{"labels": {"a": "b"}}])[0].alert.fingerprint


def test_numbers_and_booleans_are_texts() -> None:
    """As senders write them that are no Alertmanager; null is no label."""
    [received] = read([{"labels": {"port": 80, "up": True, "none": None}}])
    assert received.alert.labels == {"port": "80", "up": "true"}


@pytest.mark.parametrize("word", ["resolved", "OK", "Normal"])
def test_end_is_seen_in_alert_or_group(word: str) -> None:
    """A templated payload may say it once for all."""
    end = "2026-11-22T10:00:00+02:00"
    [by_alert] = read([{"labels": {"a": "b"}, "status": word, "endsAt": end}])
    [by_group] = read({"status": word, "alerts": [{"labels": {"a": "b"}}]})
    assert by_alert.alert.status == by_group.alert.status == "resolved"
    assert by_alert.alert.ends_at == "2026-11-22T08:00:00+00:00"


@pytest.mark.parametrize("fingerprint", ["../../etc/passwd", "a b", "{{ 1 }}", "x" * 65, "ä", "a\nb", "a..b"])
def test_fingerprint_that_is_no_plain_word_is_replaced(fingerprint: str) -> None:
    """It becomes part of a run's id."""
    [received] = read([{"labels": {"a": "b"}, "fingerprint": fingerprint}])
    assert received.alert.fingerprint.isalnum()
    assert len(received.alert.fingerprint) == 16


def test_order_of_a_job_is_known_again_by_its_id() -> None:
    """Without an id each order is its own."""
    first, second = (read({"template": "t", "id": "1"}, "jobs")[0].alert for _ in range(2))
    other = read({"template": "t", "id": "2"}, "jobs")[0].alert
    assert first == second
    assert first.fingerprint != other.fingerprint
    assert read({"template": "t"}, "jobs")[0].alert.starts_at == ""
    with pytest.raises(BodyError, match="name of a template"):
        read({"id": "1"}, "jobs")


def test_left_out_alerts_are_counted() -> None:
    """And anything else than a number is none."""
    assert read_body(json.dumps({**FULL, "truncatedAlerts": 3}).encode(), "alertmanager").left_out == 3
    assert read_body(json.dumps({**FULL, "truncatedAlerts": "many"}).encode(), "alertmanager").left_out == 0


def test_names_of_runs_are_what_airflow_allows() -> None:
    """Made of route, fingerprint and start, to the microsecond."""
    import re
    from datetime import UTC, datetime, timedelta

    [received] = read(FULL)
    made = run_id("pods", received.alert, datetime.fromisoformat(received.alert.starts_at))
    assert made == "alert__pods__d1f0a5b2c3d4e5f6__20261122T080000.123456Z"
    assert re.fullmatch(r"[A-Za-z0-9_.~:+-]+", made)
    now = datetime(2026, 11, 22, 8, 9, 59, tzinfo=UTC)
    assert window_of(now, timedelta(minutes=10)) == datetime(2026, 11, 22, 8, tzinfo=UTC)


def test_cooldown_is_shared_by_what_is_alike_in_the_named_labels() -> None:
    """Labels cannot be joined so that two alerts look alike that are not."""
    one, two, three = (
        read([{"labels": labels}])[0].alert
        for labels in ({"a": "x", "b": "y", "c": "1"}, {"a": "x", "b": "y", "c": "2"}, {"a": "xy", "b": "", "c": "1"})
    )
    assert cooldown_key(one, ("a", "b")) == cooldown_key(two, ("a", "b")) != cooldown_key(three, ("a", "b"))
    assert cooldown_key(one, ()) == one.fingerprint
