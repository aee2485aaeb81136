"""What a Dockerfile says about the containers of its image."""

import pytest

from local_kubernetes.dockerfile import ImageConfig, parse, read

SHELL = ("/bin/sh", "-c")


@pytest.mark.parametrize(
    ("text", "entrypoint", "command"),
    [
        ('ENTRYPOINT ["python", "-m", "x"]', ("python", "-m", "x"), ()),
        ('ENTRYPOINT ["x"]\nCMD ["--help"]', ("x",), ("--help",)),
        ('CMD ["--help"]\nENTRYPOINT ["x"]', ("x",), ("--help",)),
        ('CMD ["a", "b"]', (), ("a", "b")),
        ("ENTRYPOINT exec x --all", (*SHELL, "exec x --all"), ()),
        ("CMD x $HOME", (), (*SHELL, "x $HOME")),
        ('SHELL ["/bin/bash", "-ec"]\nCMD x', (), ("/bin/bash", "-ec", "x")),
        ("ENTRYPOINT ['x']", (*SHELL, "['x']"), ()),  # no JSON: the shell gets it, as Docker does it
        ('ENTRYPOINT ["x"]\nENTRYPOINT []', (), ()),
        ('entrypoint ["x",\\\n  # between\n  "y"]', ("x", "y"), ()),
        ('# ENTRYPOINT ["x"]', (), ()),
        ('RUN <<EOF\nENTRYPOINT ["x"]\nEOF\nCMD ["y"]', (), ("y",)),
        ('COPY <<-"EOF" /a\nCMD ["x"]\n\tEOF\nCMD ["y"]', (), ("y",)),
    ],
)
def test_entry_point_and_command(text, entrypoint, command):
    """Exec form, shell form, comments, continued lines and here-documents."""
    found = parse(f"FROM scratch\n{text}\n")
    assert (found.entrypoint, found.command) == (entrypoint, command)


@pytest.mark.parametrize(
    ("text", "env"),
    [
        ("ENV A=1 B=2", {"A": "1", "B": "2"}),
        ("ENV A 1 and more", {"A": "1 and more"}),
        ("ENV A=\"x y\" B='$A' C=x\\ y", {"A": "x y", "B": "$A", "C": "x y"}),
        ("ENV A=1\nENV A=2 B=$A", {"A": "2", "B": "1"}),
        ("ARG V=3\nENV A=${V} B=${NONE:-d} C=${V:+set} D=${NONE}", {"A": "3", "B": "d", "C": "set", "D": ""}),
        ('ENV A="it\'s $V" B=a=b', {"A": "it's ", "B": "a=b"}),
        ("ENV A=1 \\\n    B=2", {"A": "1", "B": "2"}),
        ("ENV A=x\nENV PATH=/opt:$PATH", {"A": "x", "PATH": "/opt:"}),
    ],
)
def test_environment(text, env):
    """Quotes, both forms, and variables with the values before the line."""
    assert parse(f"FROM scratch\n{text}\n").env == env


def test_directory_and_user():
    """A relative directory is below the one before."""
    found = parse("FROM scratch\nENV D=/srv\nWORKDIR $D\nWORKDIR app\nUSER 65532:65532\n")
    assert (found.workdir, found.user) == ("/srv/app", "65532:65532")


def test_last_stage_counts_with_what_it_builds_on():
    """Other stages are tools of the build; the base's command belongs to the base's entry point."""
    text = (
        'ARG BASE=debian\nFROM ${BASE} AS base\nENV A=1\nENTRYPOINT ["base"]\nCMD ["x"]\n'
        'FROM golang AS tools\nCMD ["go"]\n'
        "FROM --platform=linux/amd64 base\n"
    )
    assert parse(text) == ImageConfig(("base",), ("x",), {"A": "1"})
    assert parse(f'{text}ENTRYPOINT ["own"]\n').command == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no FROM"),
        ("CMD x", "line 1: CMD before the first FROM"),
        ("FROM a\nENTRYPONT x", "line 2: unknown instruction ENTRYPONT"),
        ("FROM a\n\nENV A=1 B", "line 3: ENV takes NAME=value"),
        ("FROM", "line 1: FROM takes an image"),
    ],
)
def test_a_wrong_file_says_where(tmp_path, text, message):
    """The file and the line."""
    file = tmp_path / "Dockerfile"
    file.write_text(text)
    with pytest.raises(ValueError, match=message) as failure:
        read(file)
    assert str(file) in str(failure.value)
