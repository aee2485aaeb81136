"""Every command line that `./baton` hands over to: what its help says, and with which code it ends.

As a program reads it, in a pipe; without a stack.
"""

import os
import re
import subprocess
import sys

import pytest

from baton_local.layout import PROJECT

HANDED_OVER = ["import", "adopt", "alerts", "settings", "policy", "watch", "backups"]
GROUPS = {
    "alerts": {"test", "status", "list", "replay", "forget-refused", "off", "on", "new-token", "token"},
    "policy": {"init", "pseudonym"},
    "backups": {"check", "list", "show", "verify", "extract", "restore"},
}


@pytest.fixture
def baton(tmp_path):
    """Run `./baton WORDS`, without the shell script that makes `.venv`."""

    def run(*words, module="baton_local.cli", **variables):
        taken = {name: text for name, text in os.environ.items() if not name.startswith(("BATON", "AIRFLOW"))}
        paths = os.pathsep.join(str(PROJECT / name) for name in ("include", "plugins"))
        environment = {**taken, "PYTHONPATH": paths, "BATON_STATE_DIR": str(tmp_path / "state"), **variables}
        return subprocess.run(
            [sys.executable, "-m", module, *words], cwd=PROJECT, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    return run


def commands(text):
    """The commands that a help lists, each with its summary."""
    listed = text.partition("\nCommands:\n")[2]
    return dict(line.split(None, 1) for line in listed.splitlines() if re.match(r"  \w", line))


def test_the_first_help_names_every_command_in_whole_words(baton):
    """In a pipe nothing is cut; the program is called as it was typed."""
    shown = baton("--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith("Usage: ./baton [OPTIONS] COMMAND")
    assert set(HANDED_OVER) < set(commands(shown.stdout))
    assert [text for text in commands(shown.stdout).values() if text.endswith("...")] == []


def test_the_version_is_the_projects(baton):
    """A bug report begins with it."""
    assert re.fullmatch(r"baton-airflow \d+\.\d+\.\d+\S*\n", baton("--version").stdout)


@pytest.mark.parametrize("name", HANDED_OVER)
def test_help_names_what_was_typed(baton, name):
    """Not the module behind it."""
    shown = baton(name, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"Usage: ./baton {name} ")
    assert set(commands(shown.stdout)) == GROUPS.get(name, set())
    assert "..." not in "".join(commands(shown.stdout).values())
    for verb in commands(shown.stdout):
        assert baton(name, verb, "--help").stdout.startswith(f"Usage: ./baton {name} {verb} ")


@pytest.mark.parametrize(
    "words",
    [
        ["frobnicate"],
        ["--frobnicate"],
        *([name, "--frobnicate"] for name in ("import", "alerts", "settings", "policy", "backups")),
        *([name, "frobnicate"] for name in ("alerts", "policy", "backups")),
        ["import"],
        ["import", "nowhere.yaml"],
        ["import", "--check", "nowhere.yaml"],
        ["alerts", "test"],
        ["alerts", "test", "nowhere.json"],
        ["alerts", "test", "pyproject.toml", "--routes", "nowhere.yaml"],
        ["alerts", "test", "pyproject.toml", "--source", "frobnicate"],
    ],
)
def test_wrong_words_are_code_2(baton, words):
    """And so is a path at which there is nothing; each says so in a line, not in a traceback."""
    ended = baton(*words)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Error: " in ended.stderr


def test_what_is_wrong_with_what_was_asked_is_code_1(baton, tmp_path):
    """A file that is there, and wrong."""
    (tmp_path / "job.yaml").write_text("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: A}\n")
    (tmp_path / "body.json").write_text("{")
    (tmp_path / "baton.yaml").write_text("exchange: x\n")
    assert baton("import", str(tmp_path / "job.yaml")).returncode == 1
    assert baton("alerts", "test", str(tmp_path / "body.json")).returncode == 1
    assert baton("settings", BATON_SETTINGS_FILE=str(tmp_path / "baton.yaml")).returncode == 1


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("baton.cronjobs.importing.command", []),
        ("baton.cronjobs.adopt.command", []),
        ("baton.alerts.command", []),
        ("baton.settings_command", []),
        ("baton_workloads", ["etl", "policy", "init"]),
        ("baton_workloads", ["watch"]),
    ],
)
def test_beside_another_airflow_it_is_the_module_that_was_typed(baton, module, words):
    """The wheel has no `./baton`."""
    shown = baton(*words, "--help", module=module)
    assert shown.stdout.startswith(" ".join(["Usage: python -m", module, *words, ""]))
