"""The supervisor's configuration."""

import os
import time
from pathlib import Path

import psutil
import pytest

from baton_local.component import Component
from baton_local.errors import StackError
from baton_local.layout import Layout
from baton_local.leftovers import end_leftovers
from baton_local.supervision import SOCKET_PATH_LIMIT, Supervisor, configuration, socket_path


def layout_at(state: Path) -> Layout:
    made = Layout(project=state, state=state)
    made.make()
    return made


def test_no_secret_stands_in_the_configuration(tmp_path: Path):
    """Variables reach a component through a 0600 file of its own, whatever characters they have."""
    value = 'sec\'ret "50%" \\ $HOME `id`'
    layout = layout_at(tmp_path / "state")
    output = layout.state / "seen"
    component = Component(
        "printer", ["/bin/sh", "-c", f'printf %s "$SECRET" > {output}; exec sleep 60'], output.exists, {"SECRET": value}
    )
    supervisor = Supervisor(layout)
    supervisor.launch([component])
    try:
        supervisor.start("printer")
        supervisor.await_ready(component)

        assert output.read_text() == value
        assert "sec'ret" not in (layout.state / "supervisord.conf").read_text()
        assert (layout.run / "printer" / "environment").stat().st_mode & 0o777 == 0o600
    finally:
        supervisor.stop()
    assert not supervisor.is_running()


def test_the_shells_kubeconfig_reaches_no_component(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It names another cluster than the stack's, and a pod operator would store its content."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "of-the-user"))
    monkeypatch.setenv("OF_THE_SHELL", "kept")
    layout = layout_at(tmp_path / "state")
    output = layout.state / "seen"
    script = f'echo "${{OF_THE_SHELL}} ${{KUBECONFIG-none}}" > {output}.new; mv {output}.new {output}; exec sleep 60'
    component = Component("printer", ["/bin/sh", "-c", script], output.exists)
    supervisor = Supervisor(layout)
    supervisor.launch([component])
    try:
        supervisor.start("printer")
        supervisor.await_ready(component)
        assert output.read_text() == "kept none\n"
    finally:
        supervisor.stop()


def test_a_component_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path):
    """A part that cannot start says why, on the terminal, within seconds."""
    component = Component(
        "broken", ["/bin/sh", "-c", "echo no space left >&2; exit 3"], lambda: False, ready_seconds=20
    )
    supervisor = Supervisor(layout_at(tmp_path / "state"))
    supervisor.launch([component])
    try:
        supervisor.start("broken")
        with pytest.raises(StackError, match=r"broken ended (.|\n)*no space left"):
            supervisor.await_ready(component)
    finally:
        supervisor.stop()


def test_a_killed_component_is_started_again(tmp_path: Path):
    """`kill -9` of any part heals itself."""
    component = Component("sleeper", ["sleep", "60"], lambda: True)
    supervisor = Supervisor(layout_at(tmp_path / "state"))
    supervisor.launch([component])
    try:
        supervisor.start("sleeper")
        supervisor.await_ready(component)
        before = supervisor.processes()[0]["pid"]
        os.kill(before, 9)
        for _ in range(50):
            if supervisor.processes()[0]["pid"] not in (0, before):
                break
            time.sleep(0.1)

        assert supervisor.processes()[0]["pid"] not in (0, before)
    finally:
        supervisor.stop()


def test_a_deep_checkout_gets_a_short_socket_path(tmp_path: Path):
    """A path longer than the system's limit for sockets does not prevent the start."""
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    deep.mkdir(parents=True)
    layout = layout_at(deep / "state")

    assert len(str(socket_path(layout))) <= SOCKET_PATH_LIMIT
    assert str(layout.state) in configuration(layout, [])


def test_what_a_killed_component_left_behind_ends_before_it_starts_again(tmp_path: Path):
    """A child that survives its parent would keep its ports and its database locks."""
    layout = layout_at(tmp_path / "state")
    script = "sleep 300 & echo $! >> children; exec sleep 300"
    children = layout.run / "parent" / "children"
    component = Component("parent", ["/bin/sh", "-c", script], children.exists)
    supervisor = Supervisor(layout)
    supervisor.launch([component])
    try:
        supervisor.start("parent")
        supervisor.await_ready(component)
        orphan = int(children.read_text())
        os.kill(supervisor.processes()[0]["pid"], 9)
        deadline = time.monotonic() + 20
        while len(children.read_text().split()) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)

        assert len(children.read_text().split()) == 2
        assert not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == psutil.STATUS_ZOMBIE
    finally:
        supervisor.stop()
        end_leftovers(layout)
