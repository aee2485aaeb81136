"""What the page of the chains is told."""

import json
from datetime import UTC, datetime, timedelta

from baton.cronjobs.page.content import content
from baton.cronjobs.page.model import MAX_TICKS, ChainJob, JobRun, Window, groups_of

NIGHT = datetime(2026, 3, 2, 1, tzinfo=UTC)
EXPORT = ChainJob("export", "nightly", "0 1 * * *", None)
LOAD = ChainJob("load", "nightly", "0 3 * * *", None, ("export",))
WINDOW = Window(NIGHT - timedelta(hours=1), NIGHT + timedelta(hours=23), NIGHT + timedelta(hours=22))


def run(job, begin, length, *, day=0, state="success", run_id="one"):
    tick = NIGHT + timedelta(days=day)
    start = tick + timedelta(minutes=begin)
    return JobRun(job.key, job.dag_id, run_id, tick, start, start + timedelta(minutes=length), state)


def test_chain_is_told_with_ticks_and_runs():
    """The two sides of the picture, and what they say together."""
    told = content(WINDOW, [LOAD, EXPORT], [run(EXPORT, 0, 10), run(LOAD, 10, 5)], [])
    [chain] = told["chains"]
    assert [job["key"] for job in chain["jobs"]] == ["export", "load"]
    assert chain["jobs"][1]["ticks"] == [
        {"at": "2026-03-02T03:00:00+00:00", "end": "2026-03-02T03:05:00+00:00", "is_guess": False, "too_early": []}
    ]
    [part] = chain["jobs"][1]["runs"]
    assert (part["start"], part["state"], part["late_seconds"]) == ("2026-03-02T01:10:00+00:00", "success", None)
    [told_run] = chain["runs"]
    assert (told_run["saved_seconds"], chain["saved_seconds"], chain["saved_runs"]) == (110 * 60, 110 * 60, 1)
    json.dumps(told)


def test_tick_without_a_run_is_as_long_as_its_job_typically_is():
    """Nights before the window are known as well, and are not shown."""
    nights = [run(EXPORT, 0, length, day=-1, run_id=str(length)) for length in (4, 6, 20)]
    [chain] = content(WINDOW, [EXPORT], nights, [])["chains"]
    [tick] = chain["jobs"][0]["ticks"]
    assert (tick["end"], tick["is_guess"]) == ("2026-03-02T01:06:00+00:00", True)
    assert (chain["jobs"][0]["runs"], chain["runs"]) == ([], [])


def test_tick_of_an_unknown_length_has_no_end():
    """Nothing is made up."""
    [chain] = content(WINDOW, [EXPORT], [], [])["chains"]
    assert chain["jobs"][0]["ticks"][0]["end"] is None
    assert chain["saved_seconds"] is None


def test_marks_are_on_the_tick_and_on_the_run():
    """Export took until after 3:00: on the clock the load would have begun too early, and it began late."""
    told = content(WINDOW, [EXPORT, LOAD], [run(EXPORT, 0, 130), run(LOAD, 130, 5)], [])
    [export, load] = told["chains"][0]["jobs"]
    assert load["ticks"][0]["too_early"] == [{"before": "export", "seconds": 600}]
    assert (export["ticks"][0]["too_early"], load["runs"][0]["late_seconds"]) == ([], 600)
    assert told["chains"][0]["runs"][0]["late"] == [{"job": "load", "seconds": 600}]


def test_chains_come_before_those_that_are_alone():
    """With assets each has its own DAG; they hang together all the same."""
    jobs = [ChainJob("alone", "alone", "@daily", None), EXPORT, ChainJob("late", "late", "@daily", None, ("export",))]
    assert [[job.key for job in group] for group in groups_of(jobs)] == [["export", "late"], ["alone"]]
    names = [chain["name"] for chain in content(WINDOW, jobs, [], [])["chains"]]
    assert names == ["export and what follows", "alone"]


def test_chain_of_several_dags_has_its_own_name():
    """The name under which `chains.yaml` has it; one that only follows by annotation belongs to it."""
    jobs = [
        ChainJob("count", "count", "@daily", None, chain="reports"),
        ChainJob("send", "send", "@daily", None, ("count",), chain="reports"),
        ChainJob("archive", "archive", "@daily", None, ("send",)),
    ]
    assert [chain["name"] for chain in content(WINDOW, jobs, [], [])["chains"]] == ["reports"]


def test_ticks_beyond_number_are_not_told_one_by_one():
    """A week of `* * * * *` would be ten thousand; those that say something remain."""
    first, then = (ChainJob(key, key, "* * * * *", None, after) for key, after in (("one", ()), ("two", ("one",))))
    runs = [run(first, 0, 3), JobRun("two", "two", "x", None, NIGHT, NIGHT, "success")]
    [chain] = content(WINDOW, [first, then], runs, [(("two", "x"), ("one", "one"))])["chains"]
    assert [(job["is_dense"], len(job["ticks"])) for job in chain["jobs"]] == [(True, 0), (True, 1)]


def test_as_many_ticks_as_can_be_told_apart_are_told():
    """The limit itself is within."""
    often = Window(NIGHT, NIGHT + timedelta(minutes=MAX_TICKS), NIGHT)
    [chain] = content(often, [ChainJob("poll", "poll", "* * * * *", None)], [], [])["chains"]
    assert (len(chain["jobs"][0]["ticks"]), chain["jobs"][0]["is_dense"]) == (MAX_TICKS, False)


def test_circle_of_two_versions_of_a_dag_is_shown_all_the_same():
    """While DAGs change, one may still be stored as it was before."""
    jobs = [ChainJob("one", "one", "@daily", None, ("two",)), ChainJob("two", "two", "@daily", None, ("one",))]
    assert [len(group) for group in groups_of(jobs)] == [2]


def test_nothing_imported_is_no_chain():
    """The page's empty state."""
    assert content(WINDOW, [], [], [])["chains"] == []
