"""Each recipient of a mail has an outcome of its own, whatever a real mail server answers, at whatever step."""

import email
import email.policy
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.workloads.watch.servers import DROP, MailServer, mail_server
from tests.workloads.watch.test_poll import PlayedAirflow

from baton_workloads.watch.channels import Mail
from baton_workloads.watch.delivery import GIVE_UP
from baton_workloads.watch.poll import Thresholds, Watch

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
A, B, C = "a@localhost", "b@localhost", "c@localhost"


class Scene:
    """Three recipients, one failed run in each of the first two minutes; each look is made by a new watch."""

    def __init__(self, folder: Path, office: MailServer) -> None:
        self.airflow, self.office, self.memory = PlayedAirflow(), office, (folder / "watch.json").as_uri()
        self.now, self.left = START, 0

    def poll(self, times: int = 1, after: timedelta = MINUTE) -> None:
        for _ in range(times):
            self.now += after
            mail = Mail("mail", self.office.url, "baton@localhost", [B, A, C])
            self.left = Watch(self.airflow, self.memory, [mail], [], Thresholds()).poll(self.now)

    def fail(self, dag_id: str) -> None:
        self.airflow.end(dag_id, "failed", self.now)

    def subjects(self, recipient: str) -> list[str]:
        """Subjects of what a recipient got, in its order."""
        raws = self.office.messages(recipient)
        messages = [email.message_from_bytes(raw, policy=email.policy.default) for raw in raws]
        return [str(message["Subject"]).removeprefix("[Baton] ") for message in messages]


@pytest.fixture
def office() -> Iterator[MailServer]:
    """A mail server that takes everything."""
    with mail_server() as made:
        yield made


@pytest.fixture
def scene(tmp_path: Path, office: MailServer) -> Scene:
    """A watch that has looked once."""
    made = Scene(tmp_path, office)
    made.poll()
    return made


BOTH = ["first failed", "second failed"]


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("RCPT", "550 5.1.1 no such user"), ("RCPT", "551 moved"), ("RCPT", "552 5.2.2 mailbox full"),
        ("RCPT", "552 mailbox full"), ("RCPT", "553 what is that"), ("RCPT", "554 no"),
        ("RCPT", "554 5.7.1 relay access denied"), ("RCPT", "550 5.7.1 not from you"), ("RCPT", "530 log in"),
        ("DATA", "550 spam"), ("DATA", "552 5.2.2 mailbox full"), ("DATA", "554 5.6.0 spam"),
    ],
)  # fmt: skip
def test_a_recipient_who_is_refused_for_good_is_let_go_by_name(
    scene: Scene, caplog: pytest.LogCaptureFixture, step: str, answer: str
):
    """The others get each notice once; nothing is left over, and the log says who got nothing and why."""
    scene.office.answers[f"{step} {B}"] = answer
    for dag_id in ("first", "second"):
        scene.fail(dag_id)
        scene.poll()
    scene.poll(4)

    assert (scene.subjects(A), scene.subjects(B), scene.subjects(C)) == (BOTH, [], BOTH)
    assert scene.left == 0
    words = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert [word.partition(" is refused ")[0] for word in words] == [f"mail to {B}"] * 2
    assert scene.office.asked.count(f"RCPT {B}") <= 4, "nothing is tried that cannot succeed"


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("RCPT", "451 4.7.1 greylisted"), ("RCPT", "450 busy"), ("RCPT", "452 4.2.2 full for now"),
        ("RCPT", f"421 {DROP}"), ("RCPT", DROP), ("RCPT", "hello?"), ("RCPT", "999"),
        ("DATA", "451 4.3.0 later"), ("DATA", "421 4.3.2 going down"), ("DATA", f"451 {DROP}"), ("DATA", DROP),
    ],
)  # fmt: skip
def test_a_recipient_who_is_put_off_gets_everything_later_and_once(scene: Scene, step: str, answer: str):
    """Greylisting takes minutes; the others wait for nobody and get nothing twice."""
    scene.office.answers[f"{step} {B}"] = answer
    for dag_id in ("first", "second"):
        scene.fail(dag_id)
        scene.poll()
    scene.poll(2)
    assert (scene.subjects(A), scene.subjects(B), scene.subjects(C)) == (BOTH, [], BOTH)
    assert scene.left == 2
    del scene.office.answers[f"{step} {B}"]
    scene.poll(1, timedelta(hours=1))
    scene.poll(2)

    assert (scene.subjects(A), sorted(scene.subjects(B)), scene.subjects(C)) == (BOTH, BOTH, BOTH)
    assert scene.left == 0


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("greeting", "554 no service here"), ("greeting", "421 too busy"), ("greeting", DROP),
        ("MAIL", "451 later"), ("MAIL", "421 going down"), ("MAIL", "550 5.7.1 who are you"), ("MAIL", "530 log in"),
        ("MAIL", DROP), ("RCPT", "451 later"), ("RCPT", "554 5.7.1 your network is blocked"), ("RCPT", DROP),
    ],
)  # fmt: skip
def test_what_hits_everybody_is_kept_for_everybody(scene: Scene, step: str, answer: str):
    """A server that is down, or that does not know us, says nothing about recipients; it can be put right."""
    scene.office.answers[step] = answer
    for dag_id in ("first", "second"):
        scene.fail(dag_id)
        scene.poll()
    scene.poll(2)
    assert (scene.office.accepted, scene.left) == ([], 2)
    scene.office.answers.clear()
    scene.poll()

    assert (scene.subjects(A), scene.subjects(B), scene.subjects(C)) == (BOTH, BOTH, BOTH)
    assert scene.left == 0


def test_a_message_in_doubt_is_the_same_message_and_comes_less_and_less_often(scene: Scene):
    """At least once: taken without a word, it is sent again under its name, not at each look of a day."""
    scene.office.answers[f"DATA {B}"] = f"250 {DROP}"
    scene.fail("first")
    scene.poll(6 * 60)
    got = [email.message_from_bytes(raw) for raw in scene.office.messages(B)]

    assert scene.subjects(A) == ["first failed"]
    assert 2 <= len(got) <= 14
    assert len({message["Message-ID"] for message in got}) == 1


def test_a_notice_that_hangs_in_a_filter_keeps_no_other_from_its_recipient(scene: Scene):
    """One message that a server never takes; what comes after it does come."""
    scene.office.answers[f"DATA {B}"] = "451 4.7.0 scanning failed"
    scene.fail("first")
    scene.poll(3)
    scene.office.answers.clear()
    scene.fail("second")
    scene.poll(2)

    assert sorted(scene.subjects(B)) == BOTH


def test_a_recipient_who_is_put_off_for_days_is_let_go(scene: Scene, caplog: pytest.LogCaptureFixture):
    """After as long as mail servers try themselves, with a line in the log; a later notice begins anew."""
    scene.office.answers[f"RCPT {B}"] = "451 later"
    scene.fail("first")
    scene.poll()
    scene.poll(1, GIVE_UP - MINUTE)
    assert scene.left == 1
    scene.poll(1, 2 * MINUTE)
    assert scene.left == 0
    assert f"mail to {B} is never notified of 'first failed'" in caplog.text
    scene.office.answers.clear()
    scene.fail("second")
    scene.poll()

    assert scene.subjects(B) == ["second failed"]


def test_the_outbox_goes_out_before_airflow_is_looked_at(scene: Scene):
    """What is known is reported although the look that follows is killed in an Airflow that hangs."""
    scene.office.answers["greeting"] = "421 busy"
    scene.fail("first")
    scene.poll()
    scene.office.answers.clear()

    def hang(since: datetime) -> None:
        raise KeyboardInterrupt

    scene.airflow.ended_runs = hang
    with pytest.raises(KeyboardInterrupt):
        scene.poll()
    assert scene.subjects(A) == ["first failed"]


class Killed(BaseException):
    """In place of SIGKILL."""


@pytest.mark.parametrize("writes", range(1, 11))
def test_a_kill_between_any_two_steps_loses_nothing_and_repeats_at_most_one_message(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, writes: int
):
    """Killed at each writing of the memory in turn: before it, so that what was just done is not noted."""
    from baton_workloads.watch import state

    for dag_id in ("first", "second"):
        scene.fail(dag_id)
    real, count = state.save, 0

    def save(uri: str, known: state.WatchState) -> None:
        nonlocal count
        count += 1
        if count == writes:
            raise Killed
        real(uri, known)

    monkeypatch.setattr(state, "save", save)
    with pytest.raises(Killed):
        scene.poll()
    scene.poll(2)

    subjects = [scene.subjects(recipient) for recipient in (A, B, C)]
    assert [sorted(set(got)) for got in subjects] == [BOTH] * 3
    assert sum(len(got) for got in subjects) <= 7
    assert len({raw.split(b"Message-ID: ")[1].split()[0] for _, raw in scene.office.accepted}) == 2


def test_notices_of_an_older_memory_reach_every_recipient(scene: Scene, tmp_path: Path):
    """Written when a entry waited for whole channels."""
    (tmp_path / "watch.json").write_text(
        '{"looked":"2026-03-01T08:01:00+00:00","seen":[],"streaks":{},"troubles":{},"outbox":[{"notice":{"key":"k",'
        '"kind":"failed","subject":"first failed","lines":["\\ud800"],"log":[],"link":"","urgent":false},'
        '"channels":["mail","gone"]}]}'
    )
    scene.poll()

    assert [scene.subjects(recipient) for recipient in (A, B, C)] == [["first failed"]] * 3
    assert scene.left == 0
