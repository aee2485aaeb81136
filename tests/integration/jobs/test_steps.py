"""Each kind of step on its real part; that nothing happens twice when the next try comes."""

import email
import email.policy
import json
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from baton.exceptions import PermanentError
from baton.jobs.run.execution import JobEndedError, LaterError

TABLE = "CREATE TABLE IF NOT EXISTS items (sku text, stock int, price numeric(9, 2), seen timestamptz)"
FILL = "INSERT INTO items SELECT 'sku-' || n, n, n * 1.10, '2026-01-01T00:00Z' FROM generate_series(1, 20) n"
READ = {"query": "SELECT sku, stock, price, seen FROM items WHERE stock <= :most ORDER BY stock", "connection": "shop"}
ADD = {"action": "UPDATE items SET stock = stock + 1 WHERE sku = :sku", "connection": "shop", "with": {"sku": "sku-1"}}


@pytest.fixture(autouse=True)
def items(module_database: str) -> Callable[..., Any]:
    """A table of twenty items; asks the database."""

    def ask(statement: str) -> Any:
        with psycopg.connect(module_database, autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else None

    ask(TABLE)
    ask("TRUNCATE items")
    ask(FILL)
    return ask


def stock(items: Callable[..., Any]) -> int:
    return items("SELECT stock FROM items WHERE sku = 'sku-1'")[0][0]


def test_rows_are_values_of_json(run):
    """Nothing is lost on the way, and nothing of it stands in Airflow's tables."""
    done = run({**READ, "with": {"most": 2}, "as": "rows"})
    assert done.names["rows"][1] == {"sku": "sku-2", "stock": 2, "price": "2.20", "seen": "2026-01-01T00:00:00+00:00"}
    kept = done.store["step.rows"]
    assert (kept["state"], kept["value"]["items"]) == ("done", 2)
    assert "sku-2" not in json.dumps(kept)


@pytest.mark.parametrize("value", ["x'; DROP TABLE items; --", "%s", ":most", "{{ 1 }}", "\\", '"'])
def test_value_stays_a_value(run, items, value):
    """Whatever it looks like."""
    statement = {"query": "SELECT CAST(:value AS text) AS back", "connection": "shop"}
    given = "{{ '" + value + "' }}" if "{{" in value else value
    first = {**statement, "with": {"value": given}, "as": "first"}
    done = run(first, {**statement, "with": {"value": "{{ first[0].back }}"}, "as": "second"})
    assert done.names["second"] == [{"back": value}]
    assert items("SELECT count(*) FROM items") == [(20,)]


@pytest.mark.parametrize(
    ("limit", "words"), [({"max_rows": 3}, "more than 3 rows"), ({"max_bytes": 100}, "more than 100 bytes")]
)
def test_query_has_limits(run, limit, words):
    """A result that is too large fails, and names what to do."""
    with pytest.raises(PermanentError, match=words):
        run({**READ, "with": {"most": 20}, **limit})


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM items RETURNING sku",
        "WITH gone AS (DELETE FROM items RETURNING sku) SELECT * FROM gone",
        "SELECT lo_create(0)",
        "SELECT 1; DELETE FROM items",
    ],
)
def test_query_changes_nothing(run, items, statement):
    """It is a transaction that may only read."""
    with pytest.raises(PermanentError):
        run({"query": statement, "connection": "shop"})
    assert items("SELECT count(*) FROM items") == [(20,)]


def test_nothing_found_ends_the_job_well(run, items):
    """And the steps behind it do not run, in this try and in the next."""
    steps = ({**READ, "with": {"most": 0}, "on_empty": 'skip("No data to process")'}, ADD)
    for _ in range(2):
        with pytest.raises(JobEndedError, match="No data to process"):
            run(*steps)
    assert stock(items) == 1


def test_action_says_how_many(run, items):
    """`at_most` is a limit on the transaction: too many are none."""
    everything = {"action": "UPDATE items SET stock = 0", "connection": "shop"}
    assert run({**everything, "dry_run": True, "as": "a"}).names["a"] == {"rows": 20, "dry_run": True}
    with pytest.raises(PermanentError, match="20 rows, more than at_most 19"):
        run({**everything, "at_most": 19, "as": "b"})
    assert stock(items) == 1
    assert run({**everything, "at_most": 20, "as": "c"}).names["c"] == {"rows": 20, "dry_run": False}
    assert stock(items) == 0


def killed(memory: Any, at: Callable[[str, Any], bool]) -> None:
    """Let the process be gone at a write of its memory: before (False from `at` is go on)."""
    stock_set = type(memory).set

    class Gone(BaseException):
        """As SIGKILL, nothing catches it."""

    def write(key: str, value: Any) -> None:
        if at(key, value):
            raise Gone
        stock_set(memory, key, value)

    memory.__dict__["set"] = write
    memory.__dict__["Gone"] = Gone


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_action_of_a_killed_try_happens_once(run, items, memory, moment):
    """PostgreSQL is asked whether the transaction was committed."""

    def at(key: str, value: Any) -> bool:
        noted = value.get("effect") and value["state"] == "running"
        return bool(noted) if moment == "before the commit" else value["state"] == "done"

    killed(memory, at)
    with pytest.raises(memory.__dict__["Gone"]):
        run({**ADD, "as": "added"})
    memory.__dict__.pop("set")
    assert stock(items) == (1 if moment == "before the commit" else 2)
    assert run({**ADD, "as": "added"}).names["added"] == {"rows": 1, "dry_run": False}
    assert stock(items) == 2
    run({**ADD, "as": "added"})
    assert stock(items) == 2


def test_action_that_was_rolled_back_after_its_note_happens(run, items, memory, module_database):
    """The note alone says nothing."""
    with psycopg.connect(module_database) as connection:
        number = connection.execute("SELECT pg_current_xact_id()::text").fetchone()[0]
        connection.rollback()
    memory["step.added"] = {"state": "running", "attempts": 1, "effect": {"transaction": number, "rows": 1}}
    run({**ADD, "as": "added"})
    assert stock(items) == 2


def test_transaction_nobody_knows_is_in_doubt(run, items, memory):
    """Of another database, or too long ago."""
    memory["step.added"] = {"state": "running", "attempts": 1, "effect": {"transaction": "99999999999", "rows": 1}}
    with pytest.raises(PermanentError, match="may have changed"):
        run({**ADD, "as": "added"})
    assert stock(items) == 1


def test_call_has_credentials_and_quoted_values(run, api):
    """A value is one segment of the path, whatever it holds."""
    api["answers"] = [(200, {"id": 7})]
    done = run(
        {
            "call": "POST /items/{sku}", "connection": "api", "path": {"sku": "../a b/?x"}, "as": "made",
            "params": {"dry": "{{ 1 + 1 }}", "none": None}, "body": {"day": "{{ run.day }}", "n": "{{ [1] }}"},
        }
    )  # fmt: skip
    [(method, path, headers, body)] = api["asked"]
    assert (method, path) == ("POST", "/items/..%2Fa%20b%2F%3Fx?dry=2")
    assert headers["Authorization"] == "Bearer s3cret"
    assert len(headers["Idempotency-Key"]) == 36
    assert json.loads(body) == {"day": "2026-01-01", "n": [1]}
    assert done.names["made"] == {"id": 7}


def test_pages_are_one_list(run, api):
    """Until there is no cursor."""
    api["answers"] = [(200, {"items": [1, 2], "next": "c1"}), (200, {"items": [3], "next": None})]
    done = run({"call": "GET /x", "connection": "api", "items": "items", "next": "next", "as": "all"})
    assert done.names["all"] == [1, 2, 3]
    assert [path for _, path, *_ in api["asked"]] == ["/x", "/x?cursor=c1"]


@pytest.mark.parametrize("answer", [(500, {}), (503, {}), (429, {}), (0, {})])
def test_what_may_pass_is_tried_again(run, api, answer):
    """With the waits that the job says."""
    api["answers"] = [answer, answer, (200, 5)]
    done = run({"call": "GET /x", "connection": "api", "as": "x"}, retry="3 times with exponential_backoff")
    assert (done.names["x"], run.waits) == (5, [0.1, 0.2])
    assert done.store["step.x"]["attempts"] == 3


@pytest.mark.parametrize("answer", [(404, {}), (302, {}, {"Location": "/y"}), (200, b"<html>")])
def test_what_cannot_pass_is_not(run, api, answer):
    """One call."""
    api["answers"] = [answer]
    with pytest.raises(PermanentError):
        run({"call": "GET /x", "connection": "api"}, retry="3 times")
    assert len(api["asked"]) == 1


@pytest.mark.parametrize(("repeatable", "calls"), [(None, 1), (True, 2)])
def test_post_without_answer_is_in_doubt(run, api, repeatable, calls):
    """Unless the other side knows the key, which is the same for both."""
    api["answers"] = [(0, {}), (200, {})]
    step = {"call": "POST /x", "connection": "api", **({} if repeatable is None else {"repeatable": repeatable})}
    if repeatable:
        run(step, retry="1 time")
    else:
        with pytest.raises(PermanentError, match="may not arrive twice"):
            run(step, retry="1 time")
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in api["asked"]}) == 1
    assert len(api["asked"]) == calls


def test_long_waits_are_airflows(run, api):
    """The worker is given back."""
    api["answers"] = [(500, {})] * 3
    with pytest.raises(LaterError) as later:
        run({"call": "GET /x", "connection": "api"}, retry="2 times", retry_delays=["1m", "2h"])
    assert later.value.seconds == 60
    with pytest.raises(LaterError) as later:
        run({"call": "GET /x", "connection": "api"}, retry="2 times", retry_delays=["1m", "2h"])
    assert later.value.seconds == 7200
    with pytest.raises(PermanentError):
        run({"call": "GET /x", "connection": "api"}, retry="2 times", retry_delays=["1m", "2h"])


def test_step_has_a_limit(run):
    """The database ends the statement, too."""
    began = time.monotonic()
    with pytest.raises(PermanentError, match="step query_1"):
        run({"query": "SELECT pg_sleep(30)", "connection": "shop", "timeout": "1s"})
    assert time.monotonic() - began < 5


def test_mail_goes_to_each_once(run, mail, memory):
    """Also when the next try comes after a kill between the two."""
    step = {"send": "mail", "to": ["a@x.example", "b@x.example"], "subject": "Day {{ run.day }}", "text": "5 items"}
    before = len(list(mail[1].glob("*")))
    sent = []

    def at(key: str, value: Any) -> bool:
        sent.append(value)
        return len((value.get("effect") or {}).get("sent", ())) == 1 and "sending" in value["effect"]

    killed(memory, at)
    with pytest.raises(memory.__dict__["Gone"]):
        run(step)
    memory.__dict__.pop("set")
    assert run(step).store["step.send_1"]["state"] == "done"
    assert len(list(mail[1].glob("*"))) - before == 2
    assert "x.example" not in json.dumps(sent)


def test_mail_in_doubt_is_not_sent_again(run, mail, memory):
    """Nobody can be asked whether it arrived."""
    step = {"send": "mail", "subject": "x", "text": "y"}
    killed(memory, lambda key, value: len((value.get("effect") or {}).get("sent", ())) == 1)
    with pytest.raises(memory.__dict__["Gone"]):
        run(step)
    memory.__dict__.pop("set")
    before = len(list(mail[1].glob("*")))
    with pytest.raises(PermanentError, match="recipient 1"):
        run(step)
    assert len(list(mail[1].glob("*"))) == before


@pytest.mark.parametrize(("reaction", "ends"), [("continue", False), ('skip("later")', True), ("abort", True)])
def test_step_that_fails_has_its_reaction(run, items, reaction, ends):
    """abort, skip, continue."""
    steps = ({"query": "SELECT 1 / 0", "connection": "shop", "as": "broken", "on_fail": reaction}, ADD)
    if not ends:
        assert run(*steps).names["broken"] is None
    else:
        with pytest.raises(JobEndedError if "skip" in reaction else PermanentError):
            run(*steps)
    assert stock(items) == (1 if ends else 2)


def test_errors_quote_no_values(run):
    """A database's error may hold the value that it refuses."""
    with pytest.raises(PermanentError) as caught:
        run({"query": "SELECT CAST(:v AS date) AS d", "connection": "shop", "with": {"v": "Kowalski"}})
    assert "22007" in str(caught.value)
    assert "Kowalski" not in str(caught.value)


def test_rows_are_attached_as_a_file(run, mail):
    """CSV that no spreadsheet computes."""
    rows = "SELECT 'a,b' AS name, '=1+1' AS formula, -2 AS n UNION ALL SELECT 'c', '-3.5', NULL ORDER BY 1"
    before = set(mail[1].glob("*"))
    run(
        {"query": rows, "connection": "shop", "as": "rows"},
        {"send": "mail", "subject": "x", "text": "y", "attach": {"rows.csv": "{{ rows }}", "rows.json": "{{ rows }}"}},
    )
    [file] = set(mail[1].glob("*")) - before
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    table, plain = message.iter_attachments()
    assert table.get_filename() == "rows.csv"
    assert table.get_content().splitlines() == ["name,formula,n", '"a,b",\'=1+1,-2', "c,-3.5,"]
    assert json.loads(plain.get_content())[1]["formula"] == "-3.5"


def test_values_of_a_path_stay_out_of_errors_and_logs(run, api, caplog):
    """They are data."""
    caplog.set_level("INFO")
    api["answers"] = [(500, {}), (404, {})]
    with pytest.raises(PermanentError) as caught:
        run({"call": "GET /x/{n}", "connection": "api", "path": {"n": "Kowalski"}}, retry="1 time")
    assert "GET /x/{n} answers 404" in str(caught.value)
    assert "Kowalski" not in caplog.text + str(caught.value)
