"""`./baton alerts`."""

import subprocess
import sys
from pathlib import Path

import pytest

from baton.alerts.command import main
from baton.alerts.credentials import read_credentials

PROJECT = Path(__file__).parents[4]
GROUP = Path(__file__).parent / "group.json"
ROUTES = PROJECT / "include" / "alerts" / "routes.yaml"


def test_payload_is_tried_on_the_routes(capsys: pytest.CaptureFixture[str]) -> None:
    """Route, DAG, run id and target of each alert."""
    assert main(["test", str(GROUP), "--routes", str(ROUTES)]) == 0
    told = capsys.readouterr().out
    assert "route pods: a run of collect_diagnostics" in told
    assert "run id    alert__pods__d1f0a5b2c3d4e5f6__20261122T080000.123456Z" in told
    assert "target    namespace: shop" in told


@pytest.mark.parametrize(
    ("body", "routes", "message"),
    [
        ("{", "version: 1\nroutes: []", "the body is no JSON"),
        ("[]", "version: 1", "'routes' is a required property"),
        (None, "version: 1\nroutes: []", "cannot be read: No such file"),
    ],
)
def test_what_has_to_be_mended_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str | None, routes: str, message: str
) -> None:
    """Exit code 1."""
    (tmp_path / "routes.yaml").write_text(routes)
    if body is not None:
        (tmp_path / "body.json").write_text(body)
    assert main(["test", str(tmp_path / "body.json"), "--routes", str(tmp_path / "routes.yaml")]) == 1
    assert message in capsys.readouterr().err


def test_unreadable_and_unmatched_alerts_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first is the sender's fault, the second a question of routes."""
    body = tmp_path / "body.json"
    body.write_text('[{"labels": {"a": "b"}}, {"labels": {}}]')
    assert main(["test", str(body), "--routes", str(ROUTES)]) == 1
    told = capsys.readouterr().out
    assert "unmatched: no route" in told
    assert "unreadable: the alert has no labels" in told


def test_new_token_fits_into_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed can be pasted."""
    assert main(["new-token", "ci"]) == 0
    lines = capsys.readouterr().out.splitlines()
    path = tmp_path / "credentials.yaml"
    path.write_text("\n".join(["credentials:", *lines[2:]]))
    [sender] = read_credentials(path)
    assert sender.name == "ci"


def test_trying_routes_does_not_import_airflow() -> None:
    """It takes a blink, and works where there is none."""
    code = "import sys; from baton.alerts.command import main; main(sys.argv[1:]); sys.exit('airflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "test", str(GROUP), "--routes", str(ROUTES)],
        env={"PYTHONPATH": str(PROJECT / "plugins")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
