"""What the receiver decides, with Airflow's real tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import create_autospec

import httpx
import pytest
from airflow.api.common import mark_tasks
from tests.integration.alerts.conftest import Receiver, alert, group, route

from baton.alerts.conf import read_conf

Json = dict[str, Any]


async def post(client: httpx.AsyncClient, body: Json, endpoint: str = "alertmanager") -> list[Json]:
    """Send a body; returns the decisions."""
    response = await client.post(endpoint, content=json.dumps(body))
    assert response.status_code == 200, response.text
    found: list[Json] = response.json()["decisions"]
    return found


def verdicts(decisions: list[Json]) -> list[str]:
    return [decision["decision"] for decision in decisions]


async def test_alert_starts_a_run_with_its_conf(receiver: Receiver) -> None:
    """The run exists when the answer comes, and its conf is what the DAGs' reader reads."""
    async with receiver.client() as client:
        [decision] = await post(client, group(alert()))
    [run] = receiver.runs()
    assert (decision["decision"], decision["run_id"]) == ("run", run["run_id"])
    assert (run["dag_id"], run["state"]) == ("diagnose", "queued")
    conf = read_conf(run["conf"])
    assert conf.label_name("namespace") == "shop"
    assert conf.alert.starts_at == "2026-11-22T08:00:00.123456+00:00"
    [log] = receiver.query("SELECT owner, event FROM log WHERE run_id = :id", id=run["run_id"])
    assert log == {"owner": "alerts: alertmanager", "event": "trigger_dag_run"}


async def test_alert_sent_again_makes_no_second_run(receiver: Receiver) -> None:
    """A repeat is counted on its row."""
    async with receiver.client() as client:
        [first] = await post(client, group(alert()))
        [again] = await post(client, group(alert()))
    assert len(receiver.runs()) == 1
    assert (again["run_id"], again["repeated"]) == (first["run_id"], True)
    [row] = receiver.rows()
    assert (row["verdict"], row["repeats"]) == ("run", 1)


async def test_run_that_is_there_without_a_row_is_not_made_twice(receiver: Receiver) -> None:
    """Airflow's own unique constraint is the judge, whatever became of the receiver's table."""
    async with receiver.client() as client:
        [first] = await post(client, group(alert()))
        receiver.query("DELETE FROM baton_alert_decision")
        [again] = await post(client, group(alert()))
    assert len(receiver.runs()) == 1
    assert (again["run_id"], again["reason"]) == (first["run_id"], "the run was there already")


async def test_bad_alert_does_not_lose_the_others(receiver: Receiver) -> None:
    """Each alert of a group has a decision and a row."""
    bad = [7, {"labels": {}}, alert("f2", annotations=["a"]), alert("f3", labels={"alertname": "Disk", "pod": ["a"]})]
    async with receiver.client() as client:
        decisions = await post(client, group(*bad, alert("f9"), alert("f10", labels={"alertname": "X"})))
    assert verdicts(decisions) == ["unreadable"] * 4 + ["run", "unmatched"]
    assert [decision["alert"] for decision in decisions[:4]] == ["", "", "CrashLoop", "Disk"]
    assert len(receiver.runs()) == 1
    assert len(receiver.rows()) == 6
    assert all(row["reason"] for row in receiver.rows())


@pytest.mark.parametrize(
    ("start", "read"),
    [
        ("2026-11-21 10:00:00.123 +0000 UTC", "2026-11-21T10:00:00.123000+00:00"),
        ("2026-11-21 11:00:00 +0100 CET m=+12.5", "2026-11-21T10:00:00+00:00"),
        ("Sat, 21 Nov 2026 10:00:00 GMT", "2026-11-21T10:00:00+00:00"),
        ("2026.11.21 10:00:00", "2026-11-21T10:00:00+00:00"),
        (1795255200, "2026-11-21T10:00:00+00:00"),
        ("1795255200.5", "2026-11-21T10:00:00.500000+00:00"),
        (1795255200000, "2026-11-21T10:00:00+00:00"),
        ("1795255200000000000", "2026-11-21T10:00:00+00:00"),
    ],
)
async def test_start_is_read_in_whatever_form_it_comes(receiver: Receiver, start: object, read: str) -> None:
    """Go's own, HTTP's, seconds or milliseconds since 1970: an alert is not lost for its template."""
    async with receiver.client() as client:
        [decision] = await post(client, group(alert(startsAt=start)))
    assert (decision["decision"], decision["starts_at"]) == ("run", read)


@pytest.mark.parametrize("start", ["yesterday", True, ["2026"], {"a": 1}, 1e300, -5, "99999-01-01"])
async def test_start_that_is_no_time_loses_no_alert(receiver: Receiver, start: object) -> None:
    """It begins when it comes, and its row says why."""
    async with receiver.client() as client:
        [decision] = await post(client, group(alert(startsAt=start)))
    assert (decision["decision"], "is no time" in decision["reason"]) == ("run", True)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"status": {"state": "suppressed", "silencedBy": ["x"], "inhibitedBy": []}}, "silenced"),
        ({"status": {"state": "active", "silencedBy": [], "inhibitedBy": ["x"]}}, "silenced"),
        ({"status": {"state": "active", "silencedBy": [], "inhibitedBy": []}, "endsAt": "2999-01-01T00:00:00Z"}, "run"),
        ({"status": {"state": "active"}}, "run"),
        ({"status": None, "endsAt": "2026-11-22T08:05:00Z"}, "resolved"),
        ({"status": None, "endsAt": "2999-11-22T08:05:00Z"}, "run"),
        ({"status": "firing", "endsAt": "2026-11-22T08:05:00Z"}, "run"),
    ],
)
async def test_alertmanagers_api_is_read_as_alertmanager_means_it(
    receiver: Receiver, change: Json, verdict: str
) -> None:
    """After an outage people post what `/api/v2/alerts` gives: silenced alerts start nothing, ended ones are over."""
    body = [{name: value for name, value in (alert() | change).items() if value is not None}]
    async with receiver.client() as client:
        response = await client.post("alertmanager", content=json.dumps(body))
    assert [decision["decision"] for decision in response.json()["decisions"]] == [verdict]


async def test_end_with_another_start_ends_the_run(receiver: Receiver) -> None:
    """A pair of Prometheis: Alertmanager keeps the earlier start, so the resolution has another than the alert had."""
    receiver.write_routes(route(on_resolved="note"))
    end = {"endsAt": "2026-11-22T08:30:00Z"}
    async with receiver.client() as client:
        [made] = await post(client, group(alert(startsAt="2026-11-22T08:00:20Z")))
        [early] = await post(
            client, group(alert(status="resolved", startsAt="2026-11-22T07:00:00Z", endsAt="2026-11-22T08:00:10Z"))
        )
        [ended] = await post(client, group(alert(status="resolved", startsAt="2026-11-22T08:00:00Z", **end)))
        [again] = await post(client, group(alert(status="resolved", startsAt="2026-11-22T08:00:05Z", **end)))
    assert verdicts([made, early, ended, again]) == ["run", "resolved", "noted", "resolved"]
    assert ended["run_id"] == made["run_id"]
    [note] = receiver.query("SELECT content FROM dag_run_note")
    assert note["content"].count("The alert ended") == 1


async def test_texts_that_databases_refuse_are_made_harmless(receiver: Receiver) -> None:
    """NUL and halves of surrogate pairs, in every place that a sender can write to."""
    odd = "\x00\ud800"
    bad = [{"labels": {odd: ["a"]}}, alert("f1", labels={"namespace": "shop", odd: odd}, annotations={odd: odd})]
    body = group(*bad, groupKey=odd, receiver=odd, truncatedAlerts=1)
    async with receiver.client() as client:
        decisions = await post(client, body)
    assert verdicts(decisions) == ["unreadable", "run", "left_out"]
    assert read_conf(receiver.runs()[0]["conf"]).alert.labels["\ufffd\ufffd"] == "\ufffd\ufffd"


async def test_left_out_alerts_are_recorded(receiver: Receiver) -> None:
    """Alertmanager leaves alerts out where max_alerts says so."""
    async with receiver.client() as client:
        response = await client.post("alertmanager", json=group(alert(), truncatedAlerts=17))
    assert response.json()["truncated"] == 17
    assert verdicts(response.json()["decisions"]) == ["run", "left_out"]
    assert "17 alerts" in receiver.rows()[-1]["reason"]


async def test_cooldown_holds_back_what_comes_again_soon(receiver: Receiver, at_moment: Callable[[str], None]) -> None:
    """Of two alerts for the same thing the second gets no run until the cooldown is over; then it does."""
    receiver.write_routes(route(cooldown="10m", deduplicate_by=["namespace"]))
    async with receiver.client() as client:
        at_moment("2026-11-22T08:00:30")
        await post(client, group(alert("f1")))
        at_moment("2026-11-22T08:05:00")
        late = alert("f2", startsAt="2026-11-22T08:04:00Z")
        [suppressed] = await post(client, group(late))
        at_moment("2026-11-22T08:06:00")
        [again] = await post(client, group(late))
        at_moment("2026-11-22T08:11:00")
        [released] = await post(client, group(late))
    assert verdicts([suppressed, again, released]) == ["cooldown", "cooldown", "run"]
    assert [suppressed["repeated"], again["repeated"]] == [False, True]
    assert [row["verdict"] for row in receiver.rows()] == ["run", "cooldown", "run"]


async def test_alert_that_began_before_the_run_is_covered(receiver: Receiver, at_moment: Callable[[str], None]) -> None:
    """Twenty pods of one workload fall over at once: one run looks at it, also when the cooldown is over."""
    receiver.write_routes(route(cooldown="1m", deduplicate_by=["namespace"]))
    alerts = [alert(f"f{number}") for number in range(20)]
    async with receiver.client() as client:
        at_moment("2026-11-22T08:00:30")
        decisions = await post(client, group(*alerts))
        at_moment("2026-11-22T12:00:30")
        again = await post(client, group(*alerts))
        [silenced] = await post(client, group(alert("silenced-till-now")))
    assert verdicts(decisions) == ["run"] + ["covered"] * 19
    assert silenced["decision"] == "run"
    assert {decision["run_id"] for decision in decisions + again} == {decisions[0]["run_id"]}
    assert [row["repeats"] for row in receiver.rows()] == [1] * 20 + [0]


async def test_storm_makes_as_many_runs_as_its_budget_and_one_that_names_the_rest(
    receiver: Receiver, at_moment: Callable[[str], None]
) -> None:
    """The rest is added to the one run as long as it waits."""
    receiver.write_routes(route(storm={"runs": 2, "per": "10m", "gather": "30s"}))
    async with receiver.client() as client:
        at_moment("2026-11-22T08:01:00")
        first = await post(client, group(*(alert(f"f{number}") for number in range(5))))
        at_moment("2026-11-22T08:01:10")
        second = await post(client, group(*(alert(f"g{number}") for number in range(3))))
        at_moment("2026-11-22T08:02:00")
        late = await post(client, group(alert("late")))
    assert verdicts(first + second + late) == ["run"] * 2 + ["storm"] * 7
    *_, storm = receiver.runs()
    assert len(receiver.runs()) == 3
    assert {decision["run_id"] for decision in first[2:] + second + late} == {storm["run_id"]}
    conf = read_conf(storm["conf"])
    assert [conf.alert.fingerprint, *(other.fingerprint for other in conf.others)] == [
        "f2",
        "f3",
        "f4",
        "g0",
        "g1",
        "g2",
    ]
    assert storm["run_after"].isoformat() == "2026-11-22T08:01:30+00:00"
    assert ["does not name it" in decision["reason"] for decision in [*second, *late]] == [False] * 3 + [True]


async def test_budget_is_new_in_the_next_window(receiver: Receiver, at_moment: Callable[[str], None]) -> None:
    """Windows are aligned to the clock."""
    receiver.write_routes(route(storm={"runs": 1, "per": "10m"}))
    async with receiver.client() as client:
        at_moment("2026-11-22T08:09:59")
        before = await post(client, group(alert("f1"), alert("f2")))
        at_moment("2026-11-22T08:10:00")
        after = await post(client, group(alert("f3")))
    assert verdicts(before + after) == ["run", "storm", "run"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("is_paused = true", "is paused"),
        ("is_stale = true", "no DAG diagnose"),
        ("has_import_errors = true", "import errors"),
    ],
)
async def test_target_that_cannot_run_is_said_and_tried_again(receiver: Receiver, change: str, reason: str) -> None:
    """The next time the alert is sent, the DAG may be there again."""
    receiver.query(f"UPDATE dag SET {change} WHERE dag_id = 'diagnose'")  # noqa: S608
    async with receiver.client() as client:
        [refused] = await post(client, group(alert()))
        assert not receiver.runs()
        receiver.query("UPDATE dag SET is_paused = false, is_stale = false, has_import_errors = false")
        [made] = await post(client, group(alert()))
    assert refused["decision"] == "no_target"
    assert reason in refused["reason"]
    assert made["decision"] == "run"


async def test_dag_whose_params_refuse_the_conf_is_said(receiver: Receiver) -> None:
    """The other alerts of the post are not lost for it."""
    receiver.write_routes(route(dag="picky", matchers=['pick="yes"']), route("rest"))
    picked = alert("f1", labels={"pick": "yes", "namespace": "shop"})
    async with receiver.client() as client:
        decisions = await post(client, group(picked, alert("f2")))
    assert verdicts(decisions) == ["refused", "run"]


async def test_route_that_continues_lets_the_next_one_have_the_alert_too(receiver: Receiver) -> None:
    """As in Alertmanager; each route decides by itself."""
    receiver.write_routes(route("first", **{"continue": True}), route("second", dag="heal"), route("third"))
    async with receiver.client() as client:
        decisions = await post(client, group(alert()))
    assert [decision["route"] for decision in decisions] == ["first", "second"]
    assert [run["dag_id"] for run in receiver.runs()] == ["diagnose", "heal"]


@pytest.mark.parametrize(
    ("on_resolved", "verdict", "state"),
    [("ignore", "resolved", "queued"), ("note", "noted", "queued"), ("cancel", "cancelled", "failed")],
)
async def test_end_of_an_alert_does_what_its_route_says(
    receiver: Receiver, on_resolved: str, verdict: str, state: str
) -> None:
    """Once; a repeat of the end is counted."""
    receiver.write_routes(route(on_resolved=on_resolved))
    async with receiver.client() as client:
        await post(client, group(alert()))
        [ended] = await post(client, group(alert(status="resolved")))
        [again] = await post(client, group(alert(status="resolved")))
    assert (ended["decision"], ended["repeated"]) == (verdict, False)
    assert (again["decision"], again["repeated"]) == (verdict, True)
    [run] = receiver.runs()
    assert run["state"] == state
    notes = receiver.query("SELECT content FROM dag_run_note")
    assert [note["content"] for note in notes] == (
        ["The alert ended (2026-11-22T08:30:00+00:00)."] if on_resolved == "note" else []
    )


async def test_end_that_cannot_be_acted_on_does_not_lose_the_others(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as of a DAG that cannot be read any more; Alertmanager would send the whole group again for ever."""
    broken = create_autospec(mark_tasks.set_dag_run_state_to_failed, side_effect=RuntimeError("no such class"))
    monkeypatch.setattr(mark_tasks, "set_dag_run_state_to_failed", broken)
    receiver.write_routes(route(on_resolved="cancel"))
    other = alert("f2", labels={"namespace": "other"})
    async with receiver.client() as client:
        await post(client, group(alert()))
        decisions = await post(client, group(alert(status="resolved"), other))
    assert verdicts(decisions) == ["refused", "run"]
    assert [run["state"] for run in receiver.runs()] == ["queued", "queued"]


async def test_end_of_an_unknown_alert_is_noted(receiver: Receiver) -> None:
    """It may have begun before the receiver was there."""
    receiver.write_routes(route(on_resolved="cancel"))
    async with receiver.client() as client:
        [ended] = await post(client, group(alert(status="resolved")))
    assert ended["decision"] == "resolved"
    assert not receiver.runs()


async def test_order_of_a_job_takes_the_route_that_names_it(receiver: Receiver) -> None:
    """An id makes repeats of an order one order; the cooldown holds back orders without one."""
    receiver.write_routes(
        route("everything", matchers=[]), route("jobs", sources=["jobs"], matchers=['template="collect"'])
    )
    async with receiver.client() as client:
        orders = [
            await post(client, order, "jobs")
            for order in (
                {"template": "collect", "id": "order-1"},
                {"template": "collect", "id": "order-1"},
                {"template": "collect", "id": "order-2"},
                {"template": "collect"},
                {"template": "collect"},
                {"template": "other"},
            )
        ]
    assert [verdicts(order) for order in orders] == [
        ["run"],
        ["run"],
        ["run"],
        ["run"],
        ["cooldown"],
        ["unmatched"],
    ]
    assert len(receiver.runs()) == 3


async def test_sender_starts_only_what_its_credential_allows(receiver: Receiver) -> None:
    """Address and route are limited each by itself."""
    from tests.integration.alerts.conftest import OTHER_TOKEN

    receiver.write_routes(route("dashboards", matchers=['board="yes"']), route("pods"))
    mine = alert("f1", labels={"board": "yes", "namespace": "shop"})
    async with receiver.client() as client:
        client.headers["Authorization"] = f"Bearer {OTHER_TOKEN}"
        assert (await client.post("alertmanager", json=group(mine))).status_code == 403
        decisions = await post(client, group(mine, alert("f2")), "grafana")
        assert verdicts(decisions) == ["run", "forbidden"]
        ended = await post(client, group(alert("f2", status="resolved")), "grafana")
    assert verdicts(ended) == ["forbidden"]


async def test_kill_switch_stops_runs_and_loses_nothing(receiver: Receiver) -> None:
    """What comes meanwhile is recorded, and decided when it is sent again."""
    from datetime import UTC, datetime

    from airflow.utils.session import create_session

    from baton.alerts.ledger import Ledger

    async with receiver.client() as client:
        for name in ("", "pods"):
            with create_session() as session:
                Ledger(session, datetime.now(UTC)).switch(name, on=False, by="admin")
            [off] = await post(client, group(alert()))
            assert off["decision"] == "off"
            with create_session() as session:
                Ledger(session, datetime.now(UTC)).switch(name, on=True, by="admin")
        assert not receiver.runs()
        [on] = await post(client, group(alert()))
    assert on["decision"] == "run"


async def test_old_decisions_are_forgotten_and_those_that_go_on_are_not(receiver: Receiver) -> None:
    """The last repeat counts, not the first time."""
    from datetime import UTC, datetime

    from airflow.utils.session import create_session

    from baton.alerts.ledger import Ledger

    async with receiver.client() as client:
        await post(client, group(alert("f1"), alert("f2")))
    receiver.query("UPDATE baton_alert_decision SET first_at = '2020-01-01Z'")
    receiver.query("UPDATE baton_alert_decision SET last_at = '2020-01-01Z' WHERE fingerprint = 'f1'")
    with create_session() as session:
        assert Ledger(session, datetime.now(UTC)).forget(datetime(2021, 1, 1, tzinfo=UTC)) == 1
    assert [row["fingerprint"] for row in receiver.rows()] == ["f2"]
