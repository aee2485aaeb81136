"""Our CronJob controller against the recording of the real one, CronJob by CronJob."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from . import cronjob_controller as golden

NAMES = sorted(golden.RECORDING["cronjobs"])
# The real controller works on five CronJobs at a time and is limited in its requests; ours is done within the tick.
TOLERANCE_SECONDS = 4.0
# The real Job controller tells the end of a Job in two updates, and its CronJob is looked at between them: when the end
# lets a blocked tick start, that look is one more JobAlreadyActive. Ours tells it in one.
LATE_SECONDS = 1.5  # a Job created this long after its tick had waited for something
# By CronJob: events that the recording lacks at the end of its first part, and why. All other CronJobs agree in full.
NOT_TOLD = {
    # client-go drops events about one object beyond the 25th, but for one more every five minutes. This CronJob's 29th
    # fell due at 02:24:00, a second before the next was free; those of its neighbours a second after theirs was.
    "forbid-90s-dl45": 1,
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, golden.Outcome]]:
    """The whole recording replayed once."""
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        closing(golden.Replay(tmp_path_factory.mktemp("cronjobs"), monkeypatch)) as replay,
    ):
        yield replay.run()


def recorded_jobs(name: str) -> list[dict]:
    """The Jobs of a CronJob that the recording saw created in time."""
    jobs = [job for job in golden.RECORDING["jobs"] if job["cronjob"] == name]
    return [job for job in jobs if golden.unix(job["created"]) < golden.END]


def late_starts(outcome: golden.Outcome) -> tuple[list[float], list[float]]:
    """When our Jobs were created that had to wait for another one's end, before and after the outage."""
    late = [at for name, at in outcome.created.items() if at - int(name.rpartition("-")[2]) * 60 > LATE_SECONDS]
    return [at for at in late if at < golden.OUTAGE], [at for at in late if at > golden.OUTAGE]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_ticks_become_jobs_at_the_same_time(name: str, outcomes: dict[str, golden.Outcome]) -> None:
    """The Jobs have the same names, which hold their ticks, and were created within seconds of the recorded ones."""
    recorded = {job["name"]: golden.unix(job["created"]) for job in recorded_jobs(name)}
    ours = outcomes[name].created

    assert sorted(ours) == sorted(recorded)
    late = {job: ours[job] - recorded[job] for job in recorded if abs(ours[job] - recorded[job]) > TOLERANCE_SECONDS}
    assert late == {}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_jobs_are_replaced(name: str, outcomes: dict[str, golden.Outcome]) -> None:
    """With Replace the running Job is deleted before its successor is created; else none is deleted."""
    *earlier, _ = recorded_jobs(name)
    never_completed = {job["name"] for job in earlier if not job["completed"]}
    replaced = never_completed if name.startswith("replace-") else set()

    assert outcomes[name].deleted == replaced


@pytest.mark.parametrize("name", NAMES)
def test_the_same_ticks_are_told_to_be_blocked(name: str, outcomes: dict[str, golden.Outcome]) -> None:
    """JobAlreadyActive, as often and from when to when; the recording kept no other reason."""
    recorded = [event for event in golden.RECORDING["events"] if event["cronjob"] == name]
    ours = [event for event in outcomes[name].events if event["reason"] == "JobAlreadyActive"]

    late = late_starts(outcomes[name])
    counts = [event["count"] + len(starts) for event, starts in zip(ours, late, strict=False)]
    if name in NOT_TOLD:
        counts[0] -= NOT_TOLD[name]
    assert counts == [event["count"] for event in recorded]
    for part, (mine, theirs) in enumerate(zip(ours, recorded, strict=True)):
        assert mine["message"] == theirs["message"]
        assert abs(golden.unix(mine["firstTimestamp"]) - golden.unix(theirs["first"])) <= TOLERANCE_SECONDS
        if part or name not in NOT_TOLD:
            last = max([golden.unix(mine["lastTimestamp"]), *late[part]])
            assert abs(last - golden.unix(theirs["last"])) <= TOLERANCE_SECONDS


@pytest.mark.parametrize("name", NAMES)
def test_nothing_else_is_told(name: str, outcomes: dict[str, golden.Outcome]) -> None:
    """What the recording would have shown if it had happened: a missed tick, a lost or an unknown Job."""
    told = {event["reason"] for event in outcomes[name].events}

    assert told <= {"SuccessfulCreate", "SawCompletedJob", "SuccessfulDelete", "JobAlreadyActive"}


@pytest.mark.parametrize("name", NAMES)
def test_the_status_ends_alike(name: str, outcomes: dict[str, golden.Outcome]) -> None:
    """The last schedule time and the number of active Jobs, where the recording stopped before the tick of 02:31."""
    final = golden.RECORDING["final"][name]
    if golden.unix(final["lastScheduleTime"]) < golden.END:
        status = outcomes[name].status
        assert golden.unix(status["lastScheduleTime"]) == golden.unix(final["lastScheduleTime"])
        assert len(status.get("active") or []) == final["active"]
