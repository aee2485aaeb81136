"""The rule of due reminders, against the same rule written down a second time, row by row."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.workloads.signatures.worker import TODAY, Shop

from baton_workloads.idempotent.moment import Moment
from baton_workloads.signatures.due import CATCH_UP_DAYS, due_reminders

ZONE = "Europe/Berlin"
near = st.integers(-20, 20)
workflows = st.lists(
    st.fixed_dictionaries(
        {
            "status": st.sampled_from(["draft", "sent", "viewed", "signed", "expired"]),
            "due_in": near,
            "days": st.lists(st.one_of(st.none(), near, st.sampled_from([-(2**31), 2**31 - 1])), max_size=5),
            "sent": st.one_of(st.none(), st.integers(-30 * 24, 24)),  # hours from today's noon, UTC
            "logged": st.lists(st.integers(-6, 2), max_size=2, unique=True),  # reminder dates, days from today
        }
    ),
    max_size=6,
)


def expected(workflow: dict[str, Any]) -> list[date]:
    """Give the reminder dates of one workflow that are due on :data:`TODAY`."""
    due_on = TODAY + timedelta(days=workflow["due_in"])
    if workflow["status"] not in ("sent", "viewed") or due_on < TODAY:
        return []
    sent = workflow["sent"]
    first = date.min if sent is None else sent_at(sent).astimezone(ZoneInfo(ZONE)).date()
    days = {TODAY - timedelta(days=back) for back in range(CATCH_UP_DAYS + 1)}
    logged = {TODAY + timedelta(days=day) for day in workflow["logged"]}
    wanted = {due_on - timedelta(days=n) for n in workflow["days"] if n is not None and 0 <= n < 100}
    return sorted(day for day in wanted & days - logged if day >= first)


def sent_at(hours: int) -> datetime:
    """Give a time some hours from today's noon."""
    return datetime.combine(TODAY, time(12), UTC) + timedelta(hours=hours)


@pytest.fixture
def connection(shop: Shop) -> Iterator[psycopg.Connection[Any]]:
    """One connection for all examples; each is rolled back."""
    with psycopg.connect(shop.dsn) as connection:
        yield connection
        connection.rollback()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(workflows)
def test_due_reminders_are_those_of_the_rule(
    connection: psycopg.Connection[Any], workflows: list[dict[str, Any]]
) -> None:
    """Any statuses, dates, reminder days, times of sending and earlier reminders: the same dates of the same rows."""
    found = expectation = {}
    with connection.transaction(force_rollback=True):
        ids = [_insert(connection, workflow) for workflow in workflows]
        moment = Moment(datetime.combine(TODAY, time(12), UTC), ZONE)
        found = {due.workflow_id: due.days for due in due_reminders(connection, moment)}
        expectation = {n: expected(workflow) for n, workflow in zip(ids, workflows, strict=True)}
    assert found == {n: days for n, days in expectation.items() if days}


def _insert(connection: psycopg.Connection[Any], workflow: dict[str, Any]) -> int:
    sent = workflow["sent"]
    row = connection.execute(
        "INSERT INTO signature_workflows (document_title, requested_by, signer_name, signer_email, status,"
        " remind_days_before, due_on, sent_at)"
        " VALUES ('t', 1, 's', 'x@example.org', %s, %s::int[], %s, %s) RETURNING id",
        (
            workflow["status"], workflow["days"], TODAY + timedelta(days=workflow["due_in"]),
            None if sent is None else sent_at(sent),
        ),
    ).fetchone()  # fmt: skip
    assert row
    for day in workflow["logged"]:
        connection.execute(
            "INSERT INTO signature_reminders (workflow_id, reminder_on, recipient) VALUES (%s, %s, 'x')",
            (row[0], TODAY + timedelta(days=day)),
        )
    return int(row[0])
