"""The page of the chains in a running Airflow, with chains that tick every two minutes."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.chain import await_value
from tests.acceptance.stacks import own_stack

from baton_local.stack import Options, Stack

# It waits for ticks of the clock; the page itself is tested without a stack in the ordinary run.
pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]
CHAIN, ASSETS, OFTEN = "nightly", "count-events and what follows", "poll"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, whose CronJobs' DAGs are switched on."""
    options = Options(extra_dags=Path(__file__).parent / "chains")
    with own_stack(tmp_path_factory.mktemp("stack"), options, "poll") as made:
        for dag_id in ("nightly", "count-events", "report-events", "poll"):
            made.api.call("PATCH", f"/dags/{dag_id}", json={"is_paused": False})
        yield made


@pytest.fixture(scope="module")
def page(stack: Stack) -> Iterator[httpx.Client]:
    """Somebody who has signed in to the web UI."""
    body = {"username": stack.credentials.ui_user, "password": stack.credentials.ui_password}
    token = httpx.post(f"{stack.airflow.url}/auth/token", json=body).raise_for_status().json()["access_token"]
    with httpx.Client(base_url=f"{stack.airflow.url}/baton/chains/", cookies={"_token": token}, timeout=60) as client:
        yield client


def run_of(page: httpx.Client, name: str, wanted: str) -> tuple[Json, Json]:
    """A chain, and its first run that has succeeded and of which something wanted is told."""

    def look() -> tuple[Json, Json] | None:
        chains = page.get("data", params={"hours": 1}).raise_for_status().json()["chains"]
        [chain] = [chain for chain in chains if chain["name"] == name]
        return next(((chain, run) for run in chain["runs"] if run["state"] == "success" and run[wanted]), None)

    return await_value(look, 400)


def seconds(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def test_chain_that_ran_saves_the_minutes_of_its_buffers(page: httpx.Client) -> None:
    """Three CronJobs, each with a buffer before it: the last would have ended on the clock minutes later."""
    chain, run = run_of(page, CHAIN, "saved_seconds")
    assert run["saved_seconds"] == pytest.approx(seconds(run["end"], run["clock_end"]), abs=0.1)
    parts = {job["key"]: [part for part in job["runs"] if part["run_id"] == run["run_id"]] for job in chain["jobs"]}
    assert list(parts) == ["export", "transform", "load"]
    [export], [transform], [load] = parts.values()
    assert export["end"] <= transform["start"] <= transform["end"] <= load["start"]
    assert seconds(export["tick"], load["tick"]) == 120
    ends = {tick["at"]: tick["end"] for tick in chain["jobs"][2]["ticks"]}
    assert ends[load["tick"]] == run["clock_end"]


def test_buffer_that_was_too_short_is_found_across_dags(page: httpx.Client) -> None:
    """Counting takes longer than the minute that the clock gives it; the asset starts the report after it all the
    same."""
    chain, run = run_of(page, ASSETS, "too_early")
    [bad] = run["too_early"]
    assert (bad["job"], bad["before"]) == ("report-events", "count-events")
    assert 5 < bad["seconds"] < 60
    assert run["saved_seconds"] is None
    count, report = (next(part for part in job["runs"] if part["state"] == "success") for job in chain["jobs"])
    assert count["dag_id"] != report["dag_id"]
    assert count["end"] <= report["start"]


def test_overlapping_runs_are_marked(page: httpx.Client) -> None:
    """One every minute that takes longer than a minute, and whose CronJob allows it."""
    chain, run = run_of(page, OFTEN, "overlaps")
    [job] = chain["jobs"]
    assert run["overlaps"] == ["poll"]
    # The tick before the DAG was switched on may have been superseded.
    ran = [part for part in job["runs"] if part["state"] != "skipped"]
    assert [part["overlaps"] for part in ran][:2] == [False, True], job["runs"]
