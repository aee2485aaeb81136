"""What is reported after which looks; Airflow's answers are played, everything else is real."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton_workloads.errors import ConfigurationError
from baton_workloads.watch.airflow import DueDag, FailedTask, Run, UnreachableError
from baton_workloads.watch.airflow_responses import AlertReceiver, AlertSwitch, RefusedPosts
from baton_workloads.watch.channels import Channel, DeliveryError
from baton_workloads.watch.notice import Notice
from baton_workloads.watch.poll import Thresholds, Watch

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HEALTHY = {"scheduler": "healthy", "dag_processor": "healthy", "triggerer": None, "metadatabase": "healthy"}


LOCAL = RefusedPosts(sender="local", endpoint="alertmanager", status=413, reason="too large")
OFF = AlertSwitch(route="", by="ann", at=START - timedelta(hours=26))


class PlayedAirflow:
    """Answers what a test wants Airflow to say."""

    url = "http://airflow"

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.parts = dict(HEALTHY)
        self.due: list[DueDag] = []
        self.active = 0
        self.broken: dict[str, str] = {}
        self.is_up = True
        self.unanswered: set[str] = set()
        self.receiver = AlertReceiver()

    def end(self, dag_id: str, state: str, at: datetime) -> Run:
        self.runs.append(Run(dag_id, f"run-{len(self.runs)}", state, at))
        return self.runs[-1]

    def health(self) -> dict[str, str | None]:
        return self.parts

    def ended_runs(self, since: datetime) -> list[Run]:
        if not self.is_up:
            raise UnreachableError("does not answer")
        return sorted((run for run in self.runs if run.ended >= since), key=lambda run: run.ended)

    def failed_tasks(self, run: Run) -> list[FailedTask]:
        if run.dag_id in self.unanswered:
            raise UnreachableError("answers 500")
        return [FailedTask("load", -1, 2, ("almost done", "no space left"), f"{self.run_link(run)}/tasks/load")]

    def doc(self, dag_id: str) -> str:
        return "## What\nx\n\n## If it fails\nFree some\nspace.\n\n## Params\nNone."

    def due_dags(self, before: datetime) -> list[DueDag]:
        return [dag for dag in self.due if dag.due < before]

    def active_runs(self, dag_id: str) -> int:
        return self.active

    def import_errors(self) -> dict[str, str]:
        return self.broken

    def alert_receiver(self) -> AlertReceiver:
        return self.receiver

    def run_link(self, run: Run) -> str:
        return f"{self.url}/dags/{run.dag_id}/runs/{run.run_id}"


class Recipients(Channel):
    """People who listen, as long as they are not away."""

    def __init__(self, name: str) -> None:
        self.name, self.away, self.heard = name, False, list[Notice]()
        self.refused = ""

    def send(self, notice: Notice, recipient: str) -> None:
        if self.refused and self.refused in notice.subject:
            raise DeliveryError("too long", of_this_notice=True)
        if self.away:
            raise DeliveryError("nobody there")
        self.heard.append(notice)

    @property
    def subjects(self) -> list[str]:
        return [notice.subject for notice in self.heard]


class Scene:
    """An Airflow, a watch, its recipients; each look is made by a new watch, as after a kill."""

    def __init__(self, folder: Path) -> None:
        self.airflow, self.team, self.on_call = PlayedAirflow(), Recipients("team"), Recipients("on call")
        self.memory = (folder / "watch.json").as_uri()
        self.path = folder / "watch.json"
        self.now = START

    def poll(self, after: timedelta = MINUTE) -> int:
        self.now += after
        return Watch(self.airflow, self.memory, [self.team], [self.on_call], Thresholds()).poll(self.now)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A watch that has looked once."""
    made = Scene(tmp_path)
    made.poll(timedelta())
    return made


def test_a_failed_run_is_reported_once_with_its_log_and_what_to_do(scene: Scene):
    """A notice is all that somebody on call needs."""
    scene.airflow.end("etl", "failed", scene.now)
    scene.poll()
    scene.poll()

    (notice,) = scene.team.heard
    assert notice.subject == "etl failed"
    assert "load failed after 2 tries" in notice.text
    assert "no space left" in notice.text
    assert "Free some space." in notice.text
    assert notice.link == "http://airflow/dags/etl/runs/run-0/tasks/load"
    assert scene.on_call.heard == []


def test_what_failed_before_the_first_look_is_not_reported(tmp_path: Path):
    """Whoever switches the watch on does not get last week's failures."""
    scene = Scene(tmp_path)
    scene.airflow.end("etl", "failed", START - 5 * MINUTE)
    scene.poll(timedelta())
    scene.poll()

    assert scene.team.heard == []


def test_an_airflow_that_stops_to_answer_in_the_middle_has_nothing_reported_twice(scene: Scene):
    """What was reported before it stopped stays reported; the others follow when it answers."""
    for dag in ("first", "second"):
        scene.airflow.end(dag, "failed", scene.now)
    scene.airflow.unanswered = {"second"}
    for _ in range(4):
        scene.poll(timedelta(seconds=20))
    assert scene.team.subjects == ["first failed"]
    scene.airflow.unanswered = set()
    scene.poll()

    assert scene.team.subjects == ["first failed", "second failed"]


@pytest.mark.parametrize("ahead", [timedelta(minutes=-25), timedelta(minutes=25)], ids=["behind", "ahead"])
def test_an_airflow_with_another_clock_has_each_failure_reported_once(scene: Scene, ahead: timedelta):
    """Ends are compared with ends, not with the clock of the watch."""
    scene.airflow.end("earlier", "success", scene.now + ahead)
    for number in range(40):
        scene.airflow.end(f"etl{number}", "failed", scene.now + ahead)
        scene.poll()

    subjects = scene.team.subjects
    assert len(subjects) == len(set(subjects))
    assert len(subjects) >= (40 if ahead > timedelta() else 24)


def test_a_watch_whose_clock_jumps_reports_nothing_twice_and_loses_nothing(scene: Scene):
    """Ahead for a while, then back to where it should be, and behind."""
    for number in range(30):
        jump = {10: timedelta(hours=5), 20: timedelta(hours=-5), 25: timedelta(hours=-1)}.get(number, timedelta())
        scene.airflow.end(f"etl{number}", "failed", START + number * MINUTE)
        scene.poll(MINUTE + jump)

    assert scene.team.subjects == [f"etl{number} failed" for number in range(30)]


def test_a_run_whose_end_is_written_late_is_still_reported(scene: Scene):
    """The end that a run names lies before the moment at which others can read it."""
    scene.poll()
    scene.airflow.end("etl", "failed", scene.now - timedelta(seconds=90))
    scene.poll()

    assert scene.team.subjects == ["etl failed"]


def test_the_third_failure_in_a_row_and_the_recovery_reach_those_on_call(scene: Scene):
    """What goes on is reported to more people, and so is its end."""
    for state in ("failed", "failed", "failed", "failed", "success", "success", "failed"):
        scene.airflow.end("etl", state, scene.now)
        scene.poll()

    assert scene.team.subjects == [
        "etl failed", "etl failed (2 times in a row)", "etl failed (3 times in a row)",
        "etl failed (4 times in a row)", "etl works again", "etl failed",
    ]  # fmt: skip
    assert scene.on_call.subjects == ["etl failed (3 times in a row)", "etl works again"]


def test_a_cleared_run_that_fails_again_is_reported_again(scene: Scene):
    """The same run with another end is another failure."""
    first = scene.airflow.end("etl", "failed", scene.now)
    scene.poll()
    scene.airflow.runs = [Run("etl", first.run_id, "failed", scene.now)]
    scene.poll()

    assert len(scene.team.heard) == 2


def test_a_channel_that_is_down_gets_its_notices_later_and_the_others_none_twice(scene: Scene):
    """A failed delivery loses nothing and repeats nothing."""
    scene.on_call.away = True
    for _ in range(3):
        scene.airflow.end("etl", "failed", scene.now)
        waiting = scene.poll()
    assert waiting == 1
    scene.on_call.away = False

    assert scene.poll() == 0
    assert scene.on_call.subjects == ["etl failed (3 times in a row)"]
    assert len(scene.team.heard) == 3


def test_a_notice_that_a_channel_refuses_holds_up_no_other(scene: Scene):
    """It stays to be tried again; what comes after it is reported."""
    scene.team.refused = "first"
    scene.airflow.end("first", "failed", scene.now)
    assert scene.poll() == 1
    scene.airflow.end("second", "failed", scene.now)
    assert scene.poll() == 1
    assert scene.team.subjects == ["second failed"]
    scene.team.refused = ""

    assert scene.poll() == 0
    assert scene.team.subjects == ["second failed", "first failed"]


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({"is_up": False}, "Airflow does not answer"),
        ({"parts": {**HEALTHY, "scheduler": "unhealthy"}}, "Airflow's scheduler is unhealthy"),
        (
            {"due": [DueDag("etl", START - 20 * MINUTE, 1)]},
            "Airflow starts nothing: etl was due at 2026-03-01 07:40 UTC",
        ),
        ({"broken": {"etl.py": "SyntaxError: x"}}, "DAG file etl.py cannot be read: SyntaxError: x"),
        ({"receiver": AlertReceiver(problem="line 3")}, "The routes of alerts: line 3"),
        ({"receiver": AlertReceiver(senders_problem="no sender")}, "The senders of alerts: no sender"),
        ({"receiver": AlertReceiver(refused=[LOCAL])}, "Alerts of local to alertmanager are refused: too large"),
        (
            {"receiver": AlertReceiver(off=[OFF])},
            "Alerts start nothing: all routes are off since 2026-02-28 06:00 UTC, by ann",
        ),
    ],
)
def test_trouble_is_reported_when_it_lasts_and_when_it_is_over(scene: Scene, change: dict[str, object], subject: str):
    """A restart is nobody's business; an Airflow that stays away is."""
    usual = dict(vars(scene.airflow))
    vars(scene.airflow).update(change)
    scene.poll()
    assert scene.team.heard == []
    for _ in range(4):
        scene.poll()
    assert scene.team.subjects == [subject]
    vars(scene.airflow).update(usual)
    scene.poll()

    assert scene.team.subjects == [subject, f"Over: {subject}"]


def test_switch_of_today_strangers_and_one_with_an_end_are_nobodys_business(scene: Scene):
    """Only what somebody may have forgotten is told."""
    recent, ends = OFF.model_copy(update={"at": START}), OFF.model_copy(update={"until": "2026-03-02T00:00:00+00:00"})
    stranger = LOCAL.model_copy(update={"sender": "", "endpoint": ""})
    scene.airflow.receiver = AlertReceiver(off=[recent, ends], refused=[stranger])
    for _ in range(5):
        scene.poll()
    assert scene.team.heard == []


def test_trouble_that_passes_quickly_is_never_reported(scene: Scene):
    """Nobody is woken by an upgrade."""
    scene.airflow.is_up = False
    scene.poll()
    scene.airflow.is_up = True
    scene.poll()

    assert scene.team.heard == []


def test_a_dag_that_has_all_the_runs_it_may_have_is_not_late(scene: Scene):
    """It waits for itself."""
    scene.airflow.due, scene.airflow.active = [DueDag("etl", START - 60 * MINUTE, 1)], 1
    for _ in range(5):
        scene.poll()

    assert scene.team.heard == []


def test_what_failed_while_airflow_did_not_answer_is_reported_afterwards(scene: Scene):
    """An outage of the watch's view hides nothing."""
    scene.airflow.is_up = False
    for _ in range(30):
        scene.poll()
    scene.airflow.end("etl", "failed", scene.now - 25 * MINUTE)
    scene.airflow.is_up = True
    scene.poll()

    assert scene.team.subjects[-2:] == ["etl failed", "Over: Airflow does not answer"]


@pytest.mark.parametrize("content", ["{", "[]", '{"looked": 1}'])
def test_a_damaged_memory_is_named_and_kept(scene: Scene, content: str):
    """It is not silently begun anew, which would tell nothing of what it forgot."""
    scene.path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"watch\.json is no memory of a watch"):
        scene.poll()
    assert scene.path.read_text() == content


def test_the_memory_does_not_grow(scene: Scene):
    """Weeks of runs leave as much as the last minutes."""
    sizes = []
    for _ in range(40):
        for dag_id in ("a", "b", "c"):
            scene.airflow.end(dag_id, "success", scene.now)
        scene.poll()
        sizes.append(len(json.dumps(json.loads(scene.path.read_text()))))

    assert max(sizes) < 1.1 * max(sizes[:15])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["failed", "success"]), st.integers(0, 3), st.booleans()),
        max_size=30,
    )
)
def test_whatever_ends_when_is_reported_exactly_once(tmp_path_factory: pytest.TempPathFactory, story):
    """Every failed run makes one notice, every first success after failures one, however looks and ends fall."""
    scene = Scene(tmp_path_factory.mktemp("story"))
    scene.poll(timedelta())
    failing: dict[str, int] = {}
    expected = []
    for dag_id, state, minutes, looks in story:
        scene.now += minutes * MINUTE
        scene.airflow.end(dag_id, state, scene.now)
        if state == "failed":
            failing[dag_id] = failing.get(dag_id, 0) + 1
            count = failing[dag_id]
            expected.append(f"{dag_id} failed" + (f" ({count} times in a row)" if count > 1 else ""))
        elif failing.pop(dag_id, None):
            expected.append(f"{dag_id} works again")
        if looks:
            scene.poll()
    scene.poll()

    assert scene.team.subjects == expected
