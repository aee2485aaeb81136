"""What is wrong with the watch's own settings is reported through what is right; the whole command, real servers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.workloads.watch.servers import MailServer, WebServer, mail_server, web_server
from tests.workloads.watch.test_unreachable import RealForm, as_json

from baton_workloads.__main__ import main


class Scene:
    """A mail server, Slack and Airflow, and the environment that names them."""

    def __init__(self, folder: Path, office: MailServer, slack: WebServer, web: WebServer, form: RealForm) -> None:
        self.folder, self.office, self.slack, self.form = folder, office, slack, form
        self.environment = {
            "BATON_WATCH_MEMORY": (folder / "watch.json").as_uri(),
            "BATON_AIRFLOW_URL": web.url, "BATON_AIRFLOW_USER": "viewer", "BATON_AIRFLOW_PASSWORD": "p",
            "BATON_NOTICE_MAIL_TO": "a@localhost,b@localhost", "BATON_SMTP_URL": office.url,
            "BATON_NOTICE_SLACK_CHANNEL": "#ops", "BATON_SLACK_TOKEN": "xoxb-1", "BATON_SLACK_API_URL": slack.url,
        }  # fmt: skip

    def poll(self, monkeypatch: pytest.MonkeyPatch, **changed: str | None) -> int:
        """One look without patience; gives the exit code."""
        for name, value in {**self.environment, **changed}.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        return main(["watch", "--patience", "0"])

    @property
    def posts(self) -> list[str]:
        """Headlines that Slack got."""
        return [json.loads(body)["text"] for _, _, _, body in self.slack.seen]

    def mails(self, recipient: str) -> int:
        return len(self.office.messages(recipient))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """All of them work."""
    form = RealForm()
    ok = (200, {}, b'{"ok": true}')
    with mail_server() as office, web_server(lambda *_: ok) as slack, web_server(form) as web:
        yield Scene(tmp_path, office, slack, web, form)


@pytest.mark.parametrize(
    ("changed", "words", "by_mail", "by_slack"),
    [
        ({"BATON_SLACK_TOKEN": None}, "BATON_SLACK_TOKEN", 1, 0),
        ({"BATON_SMTP_URL": None}, "BATON_SMTP_URL", 0, 1),
        ({"BATON_SMTP_URL": "http://x"}, "BATON_SMTP_URL", 0, 1),
        ({"BATON_NOTICE_MAIL_TO": "a@localhost, nobody"}, "'nobody'", 1, 1),
        ({"BATON_NOTICE_MAIL_TO": "a@localhost, přítel@localhost"}, "přítel", 1, 1),
        ({"BATON_AIRFLOW_PASSWORD": None}, "BATON_AIRFLOW_PASSWORD", 1, 1),
        ({"BATON_AIRFLOW_URL": "http://["}, "BATON_AIRFLOW_URL", 1, 1),
    ],
)  # fmt: skip
def test_a_setting_that_is_missing_is_reported_through_what_is_there(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    changed: dict[str, str | None], words: str, by_mail: int, by_slack: int,
):  # fmt: skip
    """Once, with the exit code of a wrong setting each time; then it is over, and what waited is delivered."""
    assert [scene.poll(monkeypatch, **changed) for _ in range(3)] == [78] * 3
    assert words in capsys.readouterr().err
    assert (scene.mails("a@localhost"), len(scene.posts)) == (by_mail, by_slack)
    assert scene.poll(monkeypatch) == 0
    assert (scene.mails("a@localhost"), len(scene.posts)) == (2, 2)


def test_a_wrong_password_of_airflow_is_reported(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """Through mail and Slack, once."""
    scene.form.replaced["/auth/token"] = as_json({"detail": "Invalid credentials"}, 401)
    assert [scene.poll(monkeypatch) for _ in range(3)] == [78] * 3
    assert (scene.mails("a@localhost"), scene.mails("b@localhost"), len(scene.posts)) == (1, 1, 1)
    assert "refuses the user viewer" in scene.posts[0]


def test_a_login_page_is_reported_and_is_no_error_of_the_watch(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """The exit code stays 0: the watch did what it is for."""
    scene.form.replaced["/"] = (200, {"Content-Type": "text/html"}, b"<html>")
    assert [scene.poll(monkeypatch) for _ in range(3)] == [0] * 3
    assert (scene.mails("a@localhost"), len(scene.posts)) == (1, 1)


def test_nobody_who_could_be_reported_is_an_error(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """At once."""
    assert scene.poll(monkeypatch, BATON_NOTICE_MAIL_TO=None, BATON_NOTICE_SLACK_CHANNEL=None) == 78
    assert scene.poll(monkeypatch, BATON_SMTP_URL=None, BATON_SLACK_TOKEN=None) == 78


def test_the_password_of_the_mail_server_is_wrong(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """Its notices wait, Slack has them."""
    url = scene.office.url.replace("//", "//user:secret@")
    scene.form.replaced["/"] = (503, {}, b"")
    assert [scene.poll(monkeypatch, BATON_SMTP_URL=url) for _ in range(3)] == [75] * 3
    assert (scene.office.accepted, len(scene.posts)) == ([], 1)
    assert scene.poll(monkeypatch) == 0
    assert (scene.mails("a@localhost"), scene.mails("b@localhost"), len(scene.posts)) == (1, 1, 1)
