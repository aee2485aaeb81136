"""The DAGs of reports, stock and reconciliation on a running stack: mails, Slack messages and the registry."""

import email
import email.policy
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage

import psycopg
import pytest
from tests.acceptance.chain import CANARY, await_value

from baton_local.stack import Stack

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.parametrize(
        "stack", ["calm cluster", pytest.param("slow cluster", marks=pytest.mark.soak)], indirect=True
    ),
]
DAY = "2026-11-01"
CLOCKED = (
    "alert_low_stock",
    "post_alert_digest",
    "post_weekly_summary",
    "reconcile_finances",
    "report_monthly_business",
    "report_weekly_inventory",
    "sync_inventory",
)
BY_ASSET = "report_daily_sales"


class Reports:
    """One run of each DAG, and what came of it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        stack.api.unpause(BY_ASSET)
        self._announce_warehouse()
        self.runs = {dag_id: stack.api.run_now(dag_id) for dag_id in CLOCKED}
        self.runs[BY_ASSET] = await_value(lambda: stack.api.active_run(BY_ASSET) or self._latest(BY_ASSET), 60)

    def _announce_warehouse(self) -> None:
        """Say that the warehouse of a day with sales was loaded; the chain would announce today's, without any."""
        assets = self.stack.api.call("GET", "/assets", params={"name_pattern": "warehouse"})["assets"]
        [asset] = [item for item in assets if item["name"] == "warehouse"]
        self.stack.api.call("POST", "/assets/events", json={"asset_id": asset["id"], "partition_key": DAY})

    def _latest(self, dag_id: str) -> str | None:
        runs = self.stack.api.call("GET", f"/dags/{dag_id}/dagRuns", params={"order_by": "-run_after"})["dag_runs"]
        return str(runs[0]["dag_run_id"]) if runs else None

    def finish(self, dag_id: str) -> str:
        """Wait for a run's end; gives its state."""

        def ended() -> str | None:
            state: str = self.stack.api.run(dag_id, self.runs[dag_id])["state"]
            return state if state in ("success", "failed") else None

        return await_value(ended, 240)

    def states(self, dag_id: str) -> dict[str, str]:
        """Task id → state."""
        return {item["task_id"]: item["state"] for item in self.stack.api.task_instances(dag_id, self.runs[dag_id])}

    def mails(self, subject: str) -> list[EmailMessage]:
        """Mails whose subject begins so."""
        paths = sorted(self.stack.layout.mail.glob("*.eml"))
        found = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]
        return [mail for mail in found if str(mail["Subject"]).startswith(subject)]

    def posts(self, channel: str) -> list[str]:
        """Texts of messages to a channel."""
        return [
            json.loads(path.read_text())["text"] for path in sorted(self.stack.layout.slack.glob(f"*-_{channel}.json"))
        ]

    def registered(self, name: str) -> list[tuple[str, str]]:
        """Period and state of the reports of a name."""
        with psycopg.connect(self.stack.warehouse_dsn) as connection:
            query = "SELECT period, state FROM baton.reports WHERE name = %s ORDER BY 1"
            return connection.execute(query, (name,)).fetchall()


@pytest.fixture(scope="module")
def reports(stack: Stack, finished_run: str) -> Iterator[Reports]:
    """All of them have been started; they are off again afterwards."""
    yield Reports(stack)
    for dag_id in (*CLOCKED, BY_ASSET):
        stack.api.call("PATCH", f"/dags/{dag_id}", json={"is_paused": True})


def failures(reports: Reports, dag_id: str) -> str:
    """The logs of a run's failed tasks."""
    instances = reports.stack.api.task_instances(dag_id, reports.runs[dag_id])
    return "\n".join(
        reports.stack.api.log(dag_id, reports.runs[dag_id], item["task_id"], item["try_number"])
        for item in instances
        if item["state"] == "failed"
    )


def test_the_daily_sales_follow_the_warehouse_and_arrive_with_a_pdf(reports: Reports):
    """The run has the load's partition key; the mail tells the day before it, with its chart inside and the PDF."""
    assert reports.finish(BY_ASSET) == "success", failures(reports, BY_ASSET)
    mail, same = reports.mails("Daily sales: Saturday 31 October 2026")  # two recipients, each with their own outcome
    assert mail["Message-ID"] == same["Message-ID"]
    kinds = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "image/png", "application/pdf"]
    assert "EUR from" in str(mail.get_body(("plain",)).get_content())
    assert len([text for text in reports.posts("sales") if text.startswith("Daily sales")]) == 1
    assert ("2026-10-31", "delivered") in reports.registered("daily_sales")


@pytest.mark.parametrize(
    ("dag_id", "name", "subject"),
    [
        ("report_weekly_inventory", "weekly_inventory", "Inventory: Week"),
        ("report_monthly_business", "monthly_business", "The month's business: October 2026"),
        ("post_alert_digest", "alert_digest", "Alerts: "),
    ],
)
def test_a_report_arrives_by_mail(reports: Reports, dag_id: str, name: str, subject: str):
    """Once, with its PDF; the registry says so."""
    assert reports.finish(dag_id) == "success", failures(reports, dag_id)
    [mail] = reports.mails(subject)
    assert [part.get_content_type() for part in mail.iter_attachments()] == ["application/pdf"]
    assert [state for _, state in reports.registered(name)] == ["delivered"]


def test_a_digest_without_alertmanager_says_so(reports: Reports):
    """This stack has none; the alert receiver it has."""
    reports.finish("post_alert_digest")
    [mail] = reports.mails("Alerts: ")
    text = str(mail.get_body(("plain",)).get_content())
    assert "Alertmanager is not connected" in text
    assert "The alert receiver" not in text


def test_slack_is_told_the_week_and_what_runs_low(reports: Reports):
    """One message each, with links that expire."""
    for dag_id in ("post_weekly_summary", "alert_low_stock"):
        assert reports.finish(dag_id) == "success", failures(reports, dag_id)
    assert len([text for text in reports.posts("sales") if text.startswith("The week")]) == 1
    messages = [json.loads(path.read_text()) for path in reports.stack.layout.slack.glob("*-_purchasing.json")]
    [message] = [each for each in messages if "newly below the reorder point" in each["text"]]
    assert "X-Amz-Expires=604800" in message["blocks"][-1]["elements"][0]["text"]


def test_nothing_new_is_skipped(reports: Reports):
    """A second alert in which no item is new reaches nobody: its delivery is skipped."""
    dag_id, api = "alert_low_stock", reports.stack.api
    reports.finish("sync_inventory")
    reports.finish(dag_id)
    planned = datetime.fromisoformat(api.run(dag_id, reports.runs[dag_id])["run_after"])
    for minutes in (1, 2):  # the first may still tell what the synchronisation has changed meanwhile
        body = {"logical_date": None, "run_after": (planned + timedelta(minutes=minutes)).isoformat()}
        reports.runs[dag_id] = api.call("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"]
        assert reports.finish(dag_id) == "success"
    assert reports.states(dag_id) == {"render": "success", "deliver": "skipped"}


def test_stock_is_read_from_the_warehouse_system(reports: Reports):
    """Its items are in the shop, at its versions."""
    assert reports.finish("sync_inventory") == "success", failures(reports, "sync_inventory")
    with psycopg.connect(reports.stack.postgres.dsn("shop")) as connection:
        row = connection.execute("SELECT count(*) FROM inventory WHERE source_version > 1000000").fetchone()
    assert row == (180,)


def test_the_books_wait_for_a_person(reports: Reports):
    """The differences of the demo are above the limit: the report is out, and the run goes on when it is approved."""
    dag_id, api = "reconcile_finances", reports.stack.api
    waiting = ("deferred", "awaiting_input")
    await_value(
        lambda: reports.states(dag_id)["approve"] in waiting or reports.states(dag_id)["deliver"] == "failed", 200
    )
    assert reports.states(dag_id)["approve"] in waiting, failures(reports, dag_id)
    assert len(reports.mails("Ledger and payments")) == 1
    path = f"/dags/{dag_id}/dagRuns/{reports.runs[dag_id]}/taskInstances/approve/-1/hitlDetails"
    api.call("PATCH", path, json={"chosen_options": ["Approve"]})
    assert reports.finish(dag_id) == "success"
    events = api.call("GET", "/assets/events", params={"source_run_id": reports.runs[dag_id]})["asset_events"]
    assert [event["name"] for event in events] == ["reconciled"]


def test_a_delivery_that_is_cleared_sends_nothing_again(reports: Reports):
    """Whoever clears the whole run gets the files anew, and no second mail."""
    dag_id, api = "report_monthly_business", reports.stack.api
    reports.finish(dag_id)
    body = {"dry_run": False, "dag_run_id": reports.runs[dag_id], "only_failed": False}
    api.call("POST", f"/dags/{dag_id}/clearTaskInstances", json=body)
    await_value(lambda: api.run(dag_id, reports.runs[dag_id])["state"] in ("queued", "running"), 30)
    assert reports.finish(dag_id) == "success"
    assert len(reports.mails("The month's business")) == 1
    assert api.result(dag_id, reports.runs[dag_id], "deliver") == {"mail:management@localhost": "sent before"}


def test_links_and_persons_stay_out_of_logs_and_messages(reports: Reports):
    """A signed address is in no log and no XCom; nobody's name is in a mail or a message."""
    for dag_id in ("report_monthly_business", "post_weekly_summary"):
        reports.finish(dag_id)
    layout = reports.stack.layout
    logs = [path.read_bytes() for path in (layout.airflow_home / "logs").rglob("*") if path.is_file()]
    assert logs
    assert not any(b"X-Amz-Signature" in content for content in logs)
    sent = [path.read_bytes() for folder in (layout.mail, layout.slack) for path in folder.iterdir() if path.is_file()]
    assert not any(CANARY.encode() in content for content in sent)
