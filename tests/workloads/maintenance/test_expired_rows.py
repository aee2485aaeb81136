"""Clean-ups of rows: batches, limits that hold over kills, protection."""

import random
import time

import psycopg
import pytest
from tests.workloads.maintenance.shops import Shop
from tests.workloads.waiting import until

SESSIONS = """
INSERT INTO sessions (id, user_id, token_hash, expires_at, data)
SELECT gen_random_uuid(), 1, sha256(i::text::bytea), now() - {age} * interval '1 day', '{data}'
  FROM generate_series({first}, {last}) i
"""
EXECUTIONS = """
INSERT INTO job_executions (job_name, status, scheduled_at, archived_at, parameters)
SELECT 'j', '{status}', now(), {archived}, '{data}' FROM generate_series(1, 10)
"""
DELETE = ("delete-sessions", "--run", "r1")
SPENT = "SELECT (result ->> 'deleted')::int FROM baton.job_windows WHERE window_key = 'r1'"
COUNT = "SELECT count(*) FROM sessions"


def sessions(shop: Shop, many: int, age: int = 10, data: str = "{}") -> None:
    """Add sessions that expired so many days ago."""
    first = shop.value("SELECT count(*) FROM sessions")
    shop.execute(SESSIONS.format(age=age, data=data, first=first + 1, last=first + many))


def test_what_has_expired_is_deleted_in_batches(shop: Shop) -> None:
    """What lives on or has just expired stays."""
    sessions(shop, 25)
    sessions(shop, 3, age=-1)
    sessions(shop, 2, age=0)
    result = shop.run(*DELETE, "--batch", "10").result
    assert (result["outcome"], result["deleted"], result["left"], shop.value(COUNT)) == ("done", 25, 0, 5)


@pytest.mark.parametrize(
    ("data", "left"),
    [('{"protected": true}', 4), ('{"protected": "legal"}', 4), ('{"protected": false}', 0), ('{"protected": null}', 0),
     ("[1]", 0)],
)  # fmt: skip
def test_what_is_marked_is_protected(shop: Shop, data: str, left: int) -> None:
    """Any mark but false and null; protected rows do not hide others from the batches."""
    sessions(shop, 4, age=20, data=data)
    sessions(shop, 7)
    result = shop.run(*DELETE, "--batch", "3").result
    assert (shop.value(COUNT), result["protected"], result["left"]) == (left, left, 0)


def test_the_limit_holds_over_tries_and_each_run_has_its_own(shop: Shop) -> None:
    """Run again, the same run deletes nothing more; another one does."""
    sessions(shop, 30)
    first = shop.run(*DELETE, "--limit", "12", "--batch", "5").result
    assert (first["outcome"], first["deleted"], first["left"]) == ("limit_reached", 12, 18)
    again = shop.run(*DELETE, "--limit", "12").result
    assert (again["deleted"], again["deleted_by_run"], again["attempt"]) == (0, 12, 2)
    assert shop.run("delete-sessions", "--run", "r2", "--limit", "12").result["deleted"] == 12


def test_a_dry_run_counts_and_deletes_nothing(shop: Shop) -> None:
    """And it takes nothing off the run's limit."""
    sessions(shop, 30)
    result = shop.run(*DELETE, "--limit", "12", "--dry-run").result
    assert (result["outcome"], result["would_delete"], result["left"]) == ("dry_run", 12, 30)
    assert shop.value("SELECT count(*) FROM baton.job_windows") == 0


def test_a_row_that_somebody_works_on_is_stepped_over(shop: Shop) -> None:
    """Nobody waits; the next run deletes it."""
    sessions(shop, 5)
    with psycopg.connect(shop.dsn) as holder:
        holder.execute("SELECT FROM sessions LIMIT 2 FOR UPDATE")
        assert shop.run(*DELETE).result["deleted"] == 3
    assert shop.run(*DELETE).result["deleted"] == 2


def test_killed_half_way_and_run_again_it_stays_within_its_limit(shop: Shop) -> None:
    """SIGKILL in the middle of a batch: that batch is neither deleted nor counted, the earlier ones are both."""
    sessions(shop, 30)
    shop.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN IF (SELECT count(*) FROM public.sessions) <= 20 THEN PERFORM pg_sleep(60); END IF;"
        " RETURN NULL; END$$",
        "CREATE TRIGGER slow AFTER DELETE ON sessions FOR EACH STATEMENT EXECUTE FUNCTION slow()",
    )
    process = shop.spawn(*DELETE, "--limit", "14", "--batch", "5")
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    until(lambda: shop.value(asleep) == 1)
    process.kill()
    process.communicate()
    until(lambda: shop.value(asleep) == 0)
    shop.execute("DROP TRIGGER slow ON sessions")
    deleted = 30 - shop.value(COUNT)
    assert deleted == shop.value(SPENT)
    result = shop.run(*DELETE, "--limit", "14", "--batch", "5").result
    assert (result["deleted"], result["deleted_by_run"], shop.value(COUNT)) == (14 - deleted, 14, 16)


@pytest.mark.soak
def test_killed_at_random_moments_it_never_exceeds_its_limit(shop: Shop) -> None:
    """Two tries at once, killed again and again: what is gone is what was counted, and at most the limit."""
    sessions(shop, 20_000)
    chance = random.Random(7)
    for _ in range(8):
        before = shop.value(COUNT)
        processes = [shop.spawn(*DELETE, "--limit", "9000", "--batch", "20") for _ in range(2)]
        until(lambda: shop.value(COUNT) < before or any(process.poll() is not None for process in processes))  # noqa: B023
        time.sleep(chance.random() / 5)
        for process in processes:
            process.kill()
            process.communicate()
        assert 20_000 - shop.value(COUNT) <= 9000
    shop.run(*DELETE, "--limit", "9000")
    assert (20_000 - shop.value(COUNT), shop.value(SPENT)) == (9000, 9000)


def test_only_archived_and_finished_job_executions_are_deleted(shop: Shop) -> None:
    """Ten rows of each kind; one kind goes."""
    long_ago, lately = "now() - interval '40 days'", "now() - interval '20 days'"
    for status, archived, data in [
        ("succeeded", long_ago, "{}"), ("succeeded", lately, "{}"), ("succeeded", "NULL", "{}"),
        ("running", long_ago, "{}"), ("failed", long_ago, '{"protected": true}'),
    ]:  # fmt: skip
        shop.execute(EXECUTIONS.format(status=status, archived=archived, data=data))
    result = shop.run("delete-job-executions", "--run", "r1").result
    assert (result["deleted"], result["protected"]) == (10, 10)
    assert shop.value("SELECT count(*) FROM job_executions") == 40
