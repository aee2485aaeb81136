"""The images file."""

import os
from pathlib import Path

import pytest

from local_kubernetes.images import Images, ImagesFileError, NoRuntimeError, candidates, parse

DEFAULT = Path(__file__).parents[3] / "include" / "manifests" / "images.yaml"


@pytest.mark.parametrize(
    ("image", "pattern_fits"),
    [
        ("busybox", ["busybox"]),
        ("busybox:1.36", ["busybox", "busybox:1.*"]),
        ("docker.io/library/busybox:1.36", ["busybox", "docker.io/library/busybox"]),
        ("registry.example.com:5000/team/tool:v2", ["team/tool", "registry.example.com:5000/*", "team/tool:v2"]),
        ("localhost/tool", ["tool"]),
        ("tool@sha256:abc", ["tool"]),
        ("team/tool", ["team/tool"]),
    ],
)
def test_names_with_and_without_host_and_tag(image, pattern_fits):
    """A short pattern fits the long name."""
    from fnmatch import fnmatchcase

    for pattern in pattern_fits:
        assert any(fnmatchcase(name, pattern) for name in candidates(image)), (image, pattern, candidates(image))


def test_a_registrys_port_is_no_tag():
    """``host:5000/tool`` has no tag."""
    assert "host" not in candidates("host:5000/tool")


def test_the_first_entry_that_fits_wins_and_variables_are_filled(tmp_path):
    """Order is meaning."""
    path = tmp_path / "images.yaml"
    path.write_text(
        "images:\n"
        "- {match: 'python:3.11*', path: ['{venv}/bin'], env: {A: '{{x}}'}}\n"
        "- {match: 'python*', workdir: /w}\n"
    )
    images = Images(path, {"venv": "/v"})

    assert images.find("python:3.11-slim").path == ("/v/bin",)
    assert images.find("python:3.11-slim").env == {"A": "{x}"}
    assert images.find("python:3.12").workdir == "/w"


def test_no_entry_names_the_image_and_the_file(tmp_path):
    """The user knows what to edit."""
    path = tmp_path / "images.yaml"
    path.write_text("images: []\n")

    with pytest.raises(NoRuntimeError, match=f'no runtime for the image "a/b:c".*{path}'):
        Images(path, {}).find("a/b:c")


def test_an_edited_file_counts_at_once(tmp_path):
    """No restart."""
    path = tmp_path / "images.yaml"
    path.write_text("images: []\n")
    images = Images(path, {})
    path.write_text("images: [{match: x}]\n")
    os.utime(path, (1, 1))

    assert images.find("x").match == "x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'no list "images"'),
        ("images: {}", 'no list "images"'),
        ("images: [{path: []}]", 'entry 1 of "images" has no "match"'),
        ("images: [{match: x, pth: []}]", "entry 1 .x.: unknown pth"),
        ("images: [{match: x, path: ['{vnev}']}]", "no variable 'vnev' .known: venv."),
    ],
)
def test_a_wrong_entry_is_named(text, message):
    """Which entry, and what is wrong with it."""
    with pytest.raises(ValueError, match=message):
        parse(text, {"venv": "/v"})


def test_a_missing_or_broken_file_is_an_error_with_its_path(tmp_path):
    """At the start, not with the first pod."""
    with pytest.raises(ImagesFileError, match=r"missing\.yaml"):
        Images(tmp_path / "missing.yaml", {})
    broken = tmp_path / "broken.yaml"
    broken.write_text("images: [")
    with pytest.raises(ImagesFileError, match=r"broken\.yaml"):
        Images(broken, {})


def test_the_default_file_has_what_the_project_uses():
    """Workloads, the XCom side-car's image, everyday images."""
    project = DEFAULT.parents[2]
    images = Images(DEFAULT, {"venv": "/v", "project": str(project), "postgres": "/pg"})

    workloads = images.find("baton-workloads:latest")
    assert workloads.env["PYTHONPATH"] == f"{project}/include"
    assert (workloads.entrypoint, workloads.command) == (("python", "-m", "baton_workloads"), ("--help",))
    assert images.find("registry.example.com/baton-workloads:1.2").path == ("/v/bin", "/pg")
    for image in ("alpine:3.24.2", "busybox", "python:3.12-slim", "debian:bookworm", "ubuntu"):
        images.find(image)


def test_a_dockerfile_says_what_its_image_brings_and_the_entry_wins(tmp_path):
    """One truth for the entry point; the places of this machine are the entry's."""
    (tmp_path / "Dockerfile").write_text('FROM x\nENTRYPOINT ["run"]\nCMD ["all"]\nENV A=1 B=1\nWORKDIR /w\n')
    path = tmp_path / "images.yaml"
    path.write_text("images: [{match: a, dockerfile: '{here}/Dockerfile', env: {B: '2'}, command: [one]}]\n")

    found = Images(path, {"here": str(tmp_path)}).find("a")

    assert (found.entrypoint, found.command, found.workdir) == (("run",), ("one",), "/w")
    assert found.env == {"A": "1", "B": "2"}


def test_an_edited_dockerfile_counts_at_once(tmp_path):
    """As an edit of the images file does."""
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text('FROM x\nCMD ["a"]\n')
    path = tmp_path / "images.yaml"
    path.write_text(f"images: [{{match: a, dockerfile: {dockerfile}}}]\n")
    images = Images(path, {})
    assert images.find("a").entrypoint == ()

    dockerfile.write_text('FROM x\nENTRYPOINT ["new"]\n')

    assert images.find("a").entrypoint == ("new",)


@pytest.mark.parametrize("text", [None, "FROM x\nNONSENSE\n"])
def test_a_dockerfile_that_cannot_be_read_is_named(tmp_path, text):
    """Absent or wrong: no pod starts with half of what its image brings."""
    dockerfile = tmp_path / "Dockerfile"
    if text:
        dockerfile.write_text(text)
    path = tmp_path / "images.yaml"
    path.write_text(f"images: [{{match: a, dockerfile: {dockerfile}}}]\n")
    with pytest.raises(ImagesFileError, match=str(dockerfile)):
        Images(path, {})
