"""What the script of the page *Chains* makes of what it is told, in a real browser."""

from typing import Any

import pytest
import pytest_asyncio
from tests.unit.baton.opened_page import BATON, CHROMIUM, called, opened_page

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
    pytest.mark.asyncio(loop_scope="module"),
]
STATIC = BATON / "cronjobs" / "page" / "static"
NIGHT = {"begin": "2026-03-29T00:00:00Z", "end": "2026-03-29T06:00:00Z", "now": "2026-03-29T05:00:00Z"}
"""The night in which Prague's clocks go from 2:00 to 3:00."""
NONE = "\N{EN DASH}"


def job(key: str, **differences: Any) -> dict[str, Any]:
    """A job that runs at one, for an hour."""
    run = {
        "run_id": f"run <{key}>",
        "dag_id": "nightly",
        "start": "2026-03-29T01:00:00Z",
        "end": "2026-03-29T02:00:00Z",
    }
    return {
        "key": key, "dag_id": "nightly", "schedule": "0 1 * * *", "time_zone": "UTC", "is_paused": False, "after": [],
        "is_dense": False,
        "ticks": [{"at": "2026-03-29T01:00:00Z", "end": "2026-03-29T01:30:00Z", "is_guess": False, "too_early": []}],
        "runs": [{**run, "state": "success", "tick": "2026-03-29T01:00:00Z", "late_seconds": None, "overlaps": False}],
        **differences,
    }  # fmt: skip


def chain(name: str = "nightly", *, run: dict[str, Any] | None = None, jobs: Any = ()) -> dict[str, Any]:
    """A chain of two jobs with one run."""
    made = {
        "run_id": "scheduled__1", "dag_id": "nightly", "tick": "2026-03-29T01:00:00Z", "start": "2026-03-29T01:00:00Z",
        "end": "2026-03-29T03:00:00Z", "clock_end": "2026-03-29T04:00:00Z", "saved_seconds": 3600, "state": "success",
        "late": [], "overlaps": [], "too_early": [], **(run or {}),
    }  # fmt: skip
    jobs = list(jobs) or [job("export"), job("load", after=["export"])]
    return {"name": name, "jobs": jobs, "runs": [made], "saved_seconds": 3600, "saved_runs": 1}


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What the server says; a test puts its own in."""
    return {"data": {**NIGHT, "max_runs": None, "chains": [chain()]}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(answers):
    """The page, read once."""
    async with opened_page(STATIC, "/af/baton/chains/", answers) as shown:
        yield shown


@pytest_asyncio.fixture(loop_scope="module")
async def shown(page, answers):
    """Draws other chains; gives the page."""

    async def draw(*chains: dict[str, Any], **more: Any):
        answers["data"] = {**NIGHT, "max_runs": None, "chains": list(chains), **more}
        await page.evaluate("view.drawsAll = false; load()")
        return page

    return draw


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (61, "1 min 1 s"), (-61, "1 min 1 s"), (599, "9 min 59 s"),
        (600, "10 min"), (629, "10 min"), (631, "11 min"), (7199, "2 h"), (7140, "119 min"), (7260, "2 h 1 min"),
        (86400, "24 h"),
    ],
)  # fmt: skip
async def test_lengths_are_said_as_people_say_them(page, seconds, text):
    """Seconds where they count, whole minutes above ten of them, hours above two."""
    assert await called(page, "lengthText", seconds) == text


@pytest.mark.parametrize(
    ("moment", "minutes"),
    [
        ("2026-03-29T00:59:59Z", 60),
        ("2026-03-29T01:00:00Z", 120),
        ("2026-10-25T00:59:59Z", 120),
        ("2026-10-25T01:00:00Z", 60),
    ],
)
async def test_the_offset_of_a_zone_follows_its_clock_changes(page, moment, minutes):
    """To the second."""
    assert await page.evaluate(f"zoneOffset(Date.parse({moment!r}))") == minutes * 60_000


@pytest.mark.parametrize(
    ("moment", "text"),
    [(None, NONE), ("2026-03-29T00:30:00Z", "01:30:00"), ("2026-03-29T01:30:00Z", "03:30:00")],
)
async def test_a_time_is_of_the_zone_that_is_shown(page, moment, text):
    """And a dash where there is none; without the day when asked."""
    literal = "null" if moment is None else repr(moment)
    assert await page.evaluate(f"timeText({literal}, false)") == text


async def test_bars_stand_where_their_times_are(shown):
    """Begin and end of what is shown are 0 and 100 percent."""
    page = await shown(chain())
    assert await page.evaluate("[view.data.begin, '2026-03-29T03:00:00Z', view.data.end].map(moment).map(place)") == [
        0,
        50,
        100,
    ]
    bars = "[...document.querySelectorAll('.bar.ran')].map(bar => [bar.style.left, bar.style.width])"
    assert await page.evaluate(bars) == [["16.6667%", "16.6667%"]] * 2


@pytest.mark.parametrize(
    ("begin", "end"),
    [(0, 1), (0, 6), (0, 24), (0, 168)],
)
async def test_marks_stand_at_round_times_and_leave_room(page, begin, end):
    """Never more than fit, each on the clock of the zone, also across a clock change."""
    found = await page.evaluate(
        "(() => { const kept = view.data; const midnight = Date.parse('2026-03-28T23:00:00Z');"
        " const at = (hours) => new Date(midnight + hours * HOUR).toISOString();"
        f" view.data = {{ begin: at({begin}), end: at({end}) }};"
        " const marks = axisMarks(); view.data = kept;"
        " return marks.map(time => timeText(new Date(time).toISOString(), false)); })()"
    )
    assert 2 <= len(found) <= 12
    assert [text for text in found if not text.endswith(":00")] == []
    assert [text for text in found if int(text[3:5]) % 5] == []


@pytest.mark.parametrize(
    ("run", "marked"),
    [
        ({}, False), ({"state": "failed"}, True), ({"late": [{"job": "load", "seconds": 60}]}, True),
        ({"overlaps": ["load"]}, True), ({"too_early": [{"job": "load", "before": "export", "seconds": 5}]}, True),
    ],
)  # fmt: skip
async def test_what_needs_a_look_is_marked(page, run, marked):
    """Failed, late, overlapping, or with too short a buffer on the clock."""
    assert await called(page, "isMarked", chain(run=run)) is marked


@pytest.mark.parametrize(("sought", "found"), [("", True), (" NIGHT ", True), ("expo", True), ("nothing", False)])
async def test_the_search_finds_chains_and_jobs(page, sought, found):
    """By any part of their names, in any letter case."""
    await page.evaluate(f"ui.filter.value = {sought!r}")
    try:
        assert await called(page, "isWanted", chain()) is found
    finally:
        await page.evaluate("ui.filter.value = ''")


async def test_notes_of_a_run_name_job_and_length(page):
    """In a chain with the job's name, alone without it."""
    run = chain(
        run={
            "late": [{"job": "load", "seconds": 90}], "overlaps": ["export"],
            "too_early": [{"job": "load", "before": "export", "seconds": 5}],
        }
    )["runs"][0]  # fmt: skip
    too_early = "on the clock load would have started 5 s before export had ended"
    expected = ["load late by 1 min 30 s", "export began before its run before had ended", too_early]
    assert await called(page, "notes", run, True) == expected
    assert (await called(page, "notes", run, False))[0] == "late by 1 min 30 s"


async def test_names_are_text_and_addresses_are_quoted(shown):
    """Whatever a manifest calls its job: nothing becomes markup or another address."""
    name = "<img src=x onerror=alert(1)>&/?#"
    page = await shown(chain(name, jobs=[job(name), job("load")]))
    assert await page.evaluate("document.querySelectorAll('#chains img').length") == 0
    assert name in await page.evaluate("document.getElementById('chains').textContent")
    address = await called(page, "runAddress", {"dag_id": "a/b", "run_id": "scheduled__2026-01-01T00:00:00+00:00"})
    assert address == "/af/dags/a%2Fb/runs/scheduled__2026-01-01T00%3A00%3A00%2B00%3A00"


@pytest.mark.parametrize(
    ("chains", "said"),
    [
        ([], "No CronJobs have been imported yet."),
        ([{**chain(), "runs": []}], "No run in this time."),
        ([chain()], ""),
    ],
)
async def test_an_empty_page_says_why(shown, chains, said):
    """Nothing imported, or nothing that ran."""
    page = await shown(*chains)
    assert str(await page.evaluate("ui.message.textContent")).startswith(said)
    assert bool(await page.evaluate("ui.message.textContent")) == bool(said)


async def test_many_chains_are_drawn_when_asked_for(shown):
    """A page of hundreds of them would stand still."""
    page = await shown(*(chain(f"chain {number}") for number in range(45)))
    count = "document.querySelectorAll('section.chain').length"
    assert await page.evaluate(count) == 40
    await page.evaluate("document.querySelector('button.more').click()")
    assert await page.evaluate(count) == 45


async def test_arrows_go_from_bar_to_bar(shown):
    """One stop for Tab; Home, End and the arrows move within a row and between rows, and end at its ends."""
    page = await shown(chain())
    stops = "[...document.querySelectorAll('.bar')].filter(bar => bar.tabIndex === 0).length"
    assert await page.evaluate(stops) == 1
    press = (
        "(key) => { document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));"
        " return document.activeElement.dataset.id; }"
    )
    first = await page.evaluate("(bars().find(bar => bar.tabIndex === 0).focus(), document.activeElement.dataset.id)")
    assert first == "export run run <export>"
    assert await called(page, press, "ArrowDown") == "load run run <load>"
    assert await called(page, press, "ArrowDown") == "load run run <load>"
    assert await called(page, press, "Home") == "load tick 2026-03-29T01:00:00Z"
    assert await called(page, press, "ArrowLeft") == "load tick 2026-03-29T01:00:00Z"
    assert await called(page, press, "End") == "load run run <load>"
    assert await called(page, press, "ArrowUp") == "export run run <export>"
    assert await page.evaluate(stops) == 1
