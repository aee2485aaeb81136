"""What an image that a Dockerfile describes brings along: entry point, command, environment, directory.

Nothing is built: instructions that make files are skipped, and what the base image brings is not known. So a Dockerfile
has to say itself what its containers rely on.
Source: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

_SKIPPED = frozenset(
    {"ADD", "COPY", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "RUN", "STOPSIGNAL", "VOLUME"}
)
_HEREDOC = re.compile(r"<<(-?)\s*([\"']?)(\w+)\2")
_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+""")
_PIECE = re.compile(r"""'[^']*'|\\.|"|\$\{(\w+)(?::?([-+])([^}]*))?\}|\$(\w+)|[^'\\"$]+|.""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What a container of the image gets where its pod says nothing else."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class _Stage:
    config: ImageConfig = field(default_factory=ImageConfig)
    arguments: Mapping[str, str] = field(default_factory=dict)
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    has_command: bool = False


def read(path: Path) -> ImageConfig:
    """The image of a Dockerfile's last stage.

    :raises OSError: the file cannot be read.
    :raises ValueError: it is no Dockerfile; the message says where.
    """
    try:
        return parse(path.read_text())
    except ValueError as err:
        raise ValueError(f"{path}: {err}") from err


def parse(text: str) -> ImageConfig:
    """The image of a Dockerfile's text.

    :raises ValueError: an instruction is unknown or wrong; the message names its line.
    """
    stage, stages = _Stage(), dict[str, ImageConfig]()
    name, has_stage = "", False
    for number, instruction, rest in _instructions(text):
        try:
            if instruction == "FROM":
                stages[name] = stage.config
                base, name = _from(rest)
                stage, has_stage = _Stage(stages.get(base, ImageConfig())), True
            elif instruction == "ARG" or has_stage:
                stage = _apply(stage, instruction, rest)
            else:
                raise ValueError(f"{instruction} before the first FROM")
        except ValueError as err:
            raise ValueError(f"line {number}: {err}") from err
    if not has_stage:
        raise ValueError("it has no FROM")
    return stage.config


def _from(rest: str) -> tuple[str, str]:
    words = [word for word in rest.split() if not word.startswith("--")]
    if len(words) == 3 and words[1].upper() == "AS":
        return words[0].lower(), words[2].lower()
    if len(words) != 1:
        raise ValueError(f"FROM takes an image, or an image AS a name, not {rest!r}")
    return words[0].lower(), ""


def _apply(stage: _Stage, instruction: str, rest: str) -> _Stage:
    config = stage.config
    known = {**stage.arguments, **config.env}
    if instruction in _SKIPPED:
        return stage
    if instruction == "ARG":
        named = {key: value or "" for key, value in (_pair(word, known) for word in _words(rest))}
        return replace(stage, arguments={**stage.arguments, **named})
    if instruction == "ENV":
        return replace(stage, config=replace(config, env={**config.env, **_environment(rest, known)}))
    if instruction == "WORKDIR":
        path = posixpath.normpath(posixpath.join("/", config.workdir or "/", _filled(rest, known)))
        return replace(stage, config=replace(config, workdir=path))
    if instruction == "USER":
        return replace(stage, config=replace(config, user=_filled(rest, known)))
    if instruction == "SHELL":
        return replace(stage, shell=_exec_form(rest) or stage.shell)
    if instruction == "CMD":
        return replace(stage, config=replace(config, command=_arguments(rest, stage.shell)), has_command=True)
    if instruction == "ENTRYPOINT":
        command = config.command if stage.has_command else ()  # the base image's belongs to its own entry point
        return replace(stage, config=replace(config, entrypoint=_arguments(rest, stage.shell), command=command))
    raise ValueError(f"unknown instruction {instruction}")


def _arguments(rest: str, shell: tuple[str, ...]) -> tuple[str, ...]:
    found = _exec_form(rest)
    return (*shell, rest) if found is None else found


def _exec_form(rest: str) -> tuple[str, ...] | None:
    """The words of a JSON list; None for a shell's line, which everything else is."""
    try:
        found = json.loads(rest)
    except ValueError:
        return None
    return tuple(found) if isinstance(found, list) and all(isinstance(word, str) for word in found) else None


def _environment(rest: str, known: Mapping[str, str]) -> dict[str, str]:
    words = _words(rest)
    if words and "=" not in words[0]:  # the old form: ENV NAME the rest of the line
        name, _, value = rest.partition(" ")
        return {name: _filled(value.strip(), known)}
    pairs = [_pair(word, known) for word in words]
    if not pairs or any(value is None for _, value in pairs):
        raise ValueError(f"ENV takes NAME=value, not {rest!r}")
    return {name: value or "" for name, value in pairs}


def _pair(word: str, known: Mapping[str, str]) -> tuple[str, str | None]:
    name, sign, value = word.partition("=")
    return name, _filled(value, known) if sign else None


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _filled(text: str, known: Mapping[str, str]) -> str:
    """The text without its quotes, with the variables' values."""

    def value(match: re.Match[str]) -> str:
        piece, name = match[0], match[1] or match[4]
        if name:
            found = known.get(name, "")
            if match[2] == "+":
                return match[3] if found else ""
            return found or match[3] or ""
        if piece[0] == "'" and len(piece) > 1:
            return piece[1:-1]
        return "" if piece == '"' else piece[1:] if piece[0] == "\\" and len(piece) == 2 else piece

    return _PIECE.sub(value, text)


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, name in capitals and the rest of each instruction, with its continued lines."""
    lines = iter(enumerate(text.splitlines(), start=1))
    escape = "`" if re.match(r"(?i)#\s*escape\s*=\s*`", text) else "\\"
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        whole = line
        while whole.rstrip().endswith(escape):
            whole = whole.rstrip()[: -len(escape)]
            _, following = next(lines, (0, ""))
            while following.lstrip().startswith("#"):
                _, following = next(lines, (0, ""))
            whole += following
        name, _, rest = whole.strip().partition(" ")
        if name.upper() in ("RUN", "COPY", "ADD"):
            _skip_heredocs(rest, lines)
        yield number, name.upper(), rest.strip()


def _skip_heredocs(rest: str, lines: Iterator[tuple[int, str]]) -> None:
    for match in _HEREDOC.finditer(rest):
        for _, line in lines:
            if (line.lstrip("\t") if match[1] else line) == match[3]:
                break
