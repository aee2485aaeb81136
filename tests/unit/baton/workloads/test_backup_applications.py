"""The table of applications that back themselves up."""

from pathlib import Path

import pytest

from baton.exceptions import PermanentError
from baton.workloads.backup_applications import Application, application_backup, read_applications

PROJECT = Path(__file__).parents[4]
WIKI = "{name: wiki, image: 'wiki:4', command: [export], secrets: [wiki-admin], claims: {wiki-data: /var/lib/wiki}}"


def read(tmp_path, text):
    """Read a table."""
    path = tmp_path / "applications.yaml"
    path.write_text(text)
    return read_applications(path)


def test_our_table_can_be_read():
    """What the project brings along is valid."""
    assert [item.name for item in read_applications(PROJECT / "include" / "backups" / "applications.yaml")] == [
        "example"
    ]


def test_a_table_may_be_empty(tmp_path):
    """A platform without applications of its own has a backup too."""
    assert read(tmp_path, "applications:\n") == read(tmp_path, "") == []


@pytest.mark.parametrize(
    "entry",
    [
        "{name: wiki, image: x}",
        "{name: Wiki, image: x, command: [y]}",
        "{name: wiki, image: x, command: y}",
        "{name: wiki, image: x, command: [y], volumes: []}",
        "{name: wiki, image: x, command: [y], check: z}",
        "{name: wiki, image: x, command: [y], least_percent: half}",
        "{name: wiki, image: x, command: [y], least_percent: 101}",
        "wiki",
    ],
)
def test_a_wrong_entry_is_named(tmp_path, entry):
    """The message has the entry's number and what it may have."""
    with pytest.raises(PermanentError, match=r"application 1 in applications\.yaml"):
        read(tmp_path, f"applications: [{entry}]")


def test_the_applications_image_writes_and_ours_stores(tmp_path):
    """The application gets its Secrets and volumes, never ours; our container sees the shared folder read-only."""
    [wiki] = read(tmp_path, f"applications: [{WIKI}]")
    assert wiki == Application("wiki", "wiki:4", ["export"], ["wiki-admin"], {"wiki-data": "/var/lib/wiki"})
    task = application_backup(wiki)
    [writer] = task.init_containers
    assert [item.secret_ref.name for item in writer.env_from] == ["wiki-admin"]
    assert {mount.name: bool(mount.read_only) for mount in writer.volume_mounts} == {"backup": False, "wiki-data": True}
    assert [(mount.name, mount.read_only) for mount in task.volume_mounts] == [("backup", True)]
    assert [item.secret_ref.name for item in task.env_from] == ["baton-backup"]


def test_a_check_reads_what_was_written_before_it_is_stored(tmp_path):
    """It runs after the command, in the application's image, and cannot change what it looks at."""
    [wiki] = read(tmp_path, f"applications: [{WIKI[:-1]}, check: [test, -s, /backup/x], least_percent: 80}}]")
    task = application_backup(wiki)
    writer, checker = task.init_containers
    assert (writer.name, checker.command, checker.image) == ("application", ["test", "-s", "/backup/x"], "wiki:4")
    assert {mount.name: mount.read_only for mount in checker.volume_mounts} == {"backup": True, "wiki-data": True}
    assert task.arguments[-2:] == ["--least-percent", "80"]
