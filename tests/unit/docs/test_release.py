"""What a release consists of agrees with itself: versions, changelog, metadata, the README on a package index."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from packaging.version import Version

PROJECT = Path(__file__).parents[3]
BUILDS = {"baton-airflow": PROJECT, "local-kubernetes": PROJECT / "include" / "local_kubernetes"}
ADDRESS = "https://git.example.org/team/baton"
MARKDOWN_LINK = re.compile(r"\]\(([^)]*)\)")


def version(folder: Path) -> str:
    """The version that a pyproject.toml says."""
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def metadata(folder: Path, wheels: Path, **variables: str) -> Message:
    """The metadata of a wheel, built as docs/releasing.md says."""
    own = {name: text for name, text in os.environ.items() if name != "BATON_PROJECT_URL"}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(command, cwd=folder, env=own | variables, check=True, capture_output=True)
    [wheel] = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [file] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        assert [name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
        return message_from_bytes(archive.read(file))


def test_both_wheels_have_the_version_of_the_latest_release():
    """The changelog's first release below [Unreleased] is what a build makes."""
    headings = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", (PROJECT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] == ("Unreleased", "")
    latest, date = headings[1]
    assert date
    assert {version(folder) for folder in BUILDS.values()} == {latest}
    assert [Version(name) for name, _ in headings[1:]] == sorted(
        (Version(name) for name, _ in headings[1:]), reverse=True
    )


def test_a_release_has_each_kind_of_change_once():
    """A heading that is there twice hides half of the list."""
    for release in (PROJECT / "CHANGELOG.md").read_text().split("\n## ")[1:]:
        kinds = re.findall(r"^### (.+)$", release, re.M)
        assert len(kinds) == len(set(kinds)), release.splitlines()[0]
        assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize("name", BUILDS)
def test_metadata_says_whose_it_is_and_for_which_python(name, tmp_path):
    """What a package index shows beside the text."""
    found = metadata(BUILDS[name], tmp_path)
    assert (found["Name"], found["License-Expression"]) == (name, "Apache-2.0")
    assert found["Author"]
    pythons = {
        classifier.rpartition(" :: ")[2] for classifier in found.get_all("Classifier") if "Python :: 3." in classifier
    }
    assert pythons == {"3.11", "3.12", "3.13"}


@pytest.mark.parametrize(
    ("address", "is_right"),
    [
        ("", lambda target: target.startswith("https://")),
        (ADDRESS, lambda target: target.startswith(("https://", "#"))),
    ],
    ids=["no address yet", "with the repository's address"],
)
def test_the_readme_leads_nowhere_wrong_on_a_package_index(address, is_right, tmp_path):
    """Relative addresses are dead there."""
    text = metadata(PROJECT, tmp_path, BATON_PROJECT_URL=address).get_payload()
    targets = MARKDOWN_LINK.findall(text)
    assert targets
    assert [target for target in targets if not is_right(target)] == []
    pages = re.findall(rf"\]\({ADDRESS}/(?:raw|blob)/v{re.escape(version(PROJECT))}/([^)#]*)", text)
    assert bool(pages) == bool(address)
    assert [page for page in pages if not (PROJECT / page).is_file()] == []


def test_the_builds_that_the_page_shows_work(tmp_path):
    """docs/releasing.md, its two blocks as they stand but for the folder of the wheels."""
    page = (PROJECT / "docs" / "releasing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```\n(.*?)^ *```", page, re.M | re.S)
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        wheels = tmp_path / str(number)
        script = block.replace("$PWD/dist", str(wheels)).replace("../../dist", str(wheels))
        assert script != block
        script = re.sub(r"\S*\.venv/bin/python", lambda _: sys.executable, script)
        subprocess.run(["bash", "-euc", script], cwd=PROJECT, check=True, capture_output=True)
    assert len([*(tmp_path / "0").glob("*.whl")]) == 2
    assert len([*(tmp_path / "1").glob("*.whl")]) == 1
