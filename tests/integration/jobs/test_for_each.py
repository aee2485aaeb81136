"""`for_each`: each item once, in parallel, also after a kill."""

import json
import threading
import time
from collections import Counter
from typing import Any

import psycopg
import pytest

from baton.exceptions import PermanentError

ITEMS = {"query": "SELECT n FROM generate_series(1, :count) n", "connection": "shop", "as": "items"}
CALL = {"call": "POST /x/{n}", "connection": "api", "path": {"n": "{{ item.n }}"}, "repeatable": True}


def items(count: int) -> dict[str, Any]:
    return {**ITEMS, "with": {"count": count}}


def loop(do: dict[str, Any], parallel: int = 5) -> dict[str, Any]:
    return {"for_each": "items", "parallel": parallel, "do": do, "as": "made"}


def paths(api: Any) -> Counter[str]:
    return Counter(path for _, path, *_ in api["asked"])


def test_each_item_is_done_once(run, api):
    """With a key of its own."""
    done = run(items(40), loop(CALL))
    assert done.names["made"] == {"items": 40, "failed": 0}
    assert set(paths(api).values()) == {1}
    assert len(paths(api)) == 40
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in api["asked"]}) == 40


def test_none_is_no_failure(run, api):
    """An empty list has nothing to do."""
    assert run(items(0), loop(CALL)).names["made"] == {"items": 0, "failed": 0}


def test_as_many_at_a_time_as_it_says(run, api):
    """And no more."""
    busy, most, lock = 0, 0, threading.Lock()
    real = api["answers"]

    class Slow(list):
        def pop(self, _: int = 0) -> Any:
            nonlocal busy, most
            with lock:
                busy += 1
                most = max(most, busy)
            time.sleep(0.02)
            with lock:
                busy -= 1
            return (200, {})

        def __bool__(self) -> bool:
            return True

    api["answers"] = Slow(real)
    run(items(30), loop(CALL, parallel=6))
    assert 2 <= most <= 6


@pytest.mark.parametrize("after", [1, 4, 7, 12, 20])
def test_killed_try_repeats_no_item(run, memory, module_database, after):
    """The process is gone at some write; the next one does what is left."""
    with psycopg.connect(module_database, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS counted (n int)")
        connection.execute("TRUNCATE counted")
    add = {"action": "INSERT INTO counted VALUES (:n)", "connection": "shop", "with": {"n": "{{ item.n }}"}}
    writes, lock, stock_set = 0, threading.Lock(), type(memory).set

    class Gone(BaseException):
        """As SIGKILL, nothing catches it."""

    def write(key: str, value: Any) -> None:
        nonlocal writes
        with lock:
            writes += 1
            if writes > after:
                raise Gone
            stock_set(memory, key, value)

    memory.__dict__["set"] = write
    with pytest.raises(Gone):
        run(items(20), loop(add, parallel=3))
    memory.__dict__.pop("set")
    done = run(items(20), loop(add, parallel=3))
    assert done.names["made"] == {"items": 20, "failed": 0}
    with psycopg.connect(module_database) as connection:
        found = connection.execute("SELECT n, count(*) FROM counted GROUP BY n ORDER BY n").fetchall()
    assert found == [(n, 1) for n in range(1, 21)]


def test_item_that_fails_leaves_the_others_alone(run, api):
    """With `continue` it is counted."""
    api["answers"] = [(404, {})]
    done = run(items(5), loop({**CALL, "on_fail": "continue"}, parallel=1))
    assert done.names["made"] == {"items": 5, "failed": 1}
    assert len(api["asked"]) == 5


def test_item_that_fails_ends_the_step(run, api):
    """With `abort`; what was done before stays done."""
    api["answers"] = [(200, {}), (404, {})]
    for _ in range(2):
        with pytest.raises(PermanentError, match="404"):
            run(items(5), loop(CALL, parallel=1))
        api["answers"] = [(404, {})]
    assert paths(api) == Counter({"/x/1": 1, "/x/2": 2})


def test_item_is_tried_again(run, api):
    """As often as the job says."""
    api["answers"] = [(500, {})]
    run(items(3), loop(CALL, parallel=1), retry="1 time")
    assert sorted(paths(api).values()) == [1, 1, 2]


def test_record_stays_small(run, memory, api):
    """A thousand items are two hundred characters, and none of them is in it."""
    run(items(1000), loop(CALL, parallel=20))
    assert len(json.dumps(memory["step.made"])) < 1000
