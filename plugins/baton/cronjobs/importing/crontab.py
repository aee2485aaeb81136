"""The lines of a crontab as CronJobs, for the same report, and to be written as manifests.

What a crontab does not say is not guessed: the image is given, and what cron alone can do (`@reboot`) is told.
Source: crontab(5) of cronie and of Debian's cron.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from baton.cronjobs.importing.foreign_jobs import JobsRead, cronjob_content, free_name
from baton.cronjobs.manifests.files import Manifest, Problem
from baton.cronjobs.manifests.yaml_documents import Document

_ASSIGNMENT = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*")
_ENTRY = re.compile(r"\s*(@\w+|(?:\S+\s+){4}\S+)\s+(\S.*)")
_WITH_USER = re.compile(r"\s*(@\w+|(?:\S+\s+){4}\S+)\s+([a-z_][\w-]*)\s+(\S.*)")
_ZONES = ("CRON_TZ", "TZ")
_FOR_CRON = ("SHELL", "MAILTO", "MAILFROM", "RANDOM_DELAY", "HOME", "LOGNAME", "USER", *_ZONES)
"""Variables that mean something to cron, or to the account on its machine."""
_PERCENT = re.compile(r"(?<!\\)%")
_NO_NAMES = (
    "python",
    "python3",
    "bash",
    "sh",
    "perl",
    "php",
    "ruby",
    "node",
    "nice",
    "ionice",
    "flock",
    "timeout",
    "env",
    "cd",
)
_CHANGED_FOLDER = re.compile(r"\bcd\s+\S+")
_WORD = re.compile(r"[A-Za-z][\w.-]*")


def read_crontab(file: Path, text: str, image: str) -> JobsRead:
    """Make a CronJob of each line.

    :param file: its folder tells whether lines name a user, as in `/etc/cron.d`.
    :param image: in which the commands run.
    """
    read, taken = JobsRead(), set[str]()
    has_user = "cron.d" in file.parts or str(file) == "/etc/crontab"
    variables: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if assignment := _ASSIGNMENT.fullmatch(line):
            variables[assignment[1]] = _unquoted(assignment[2])
            continue
        entry = (_WITH_USER if has_user else _ENTRY).fullmatch(line)
        if entry is None or entry[1] == "@reboot":
            why = "has no time on the clock: Kubernetes starts nothing for it" if entry else "is no line of a crontab"
            read.problems.append(Problem(str(file), number, "", why))
            continue
        content = _content(_schedule(entry[1]), entry[entry.lastindex or 2], variables, image, taken)
        read.manifests.append(Manifest(str(file), Document(content, "", number - 1), content))
    return read


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _schedule(text: str) -> str:
    """The five fields as Kubernetes takes them, in which Sunday is 0 and never 7."""
    fields = text.split()
    if len(fields) == 5:
        fields[4] = ",".join(part for item in fields[4].split(",") for part in _days(item))
    return " ".join(fields)


def _days(item: str) -> Iterator[str]:
    span, _, step = item.partition("/")
    low, _, high = span.partition("-")
    if "7" not in (low, high):
        yield item
    elif not high:
        yield "0"
    else:
        days = range(int(low) if low.isdigit() else 0, 8, int(step) if step.isdigit() else 1)
        yield from dict.fromkeys(str(day % 7) for day in days)


def _content(schedule: str, command: str, variables: dict[str, str], image: str, taken: set[str]) -> dict[str, Any]:
    return cronjob_content(
        free_name(_word(command), taken),
        schedule,
        image,
        [variables.get("SHELL", "/bin/sh"), "-c", _with_input(command)],
        variables={key: value for key, value in variables.items() if key not in _FOR_CRON},
        zone=next((variables[key] for key in _ZONES if variables.get(key)), None),
    )


def _with_input(command: str) -> str:
    """A command as a shell reads it: behind its first `%` stands what it reads, with a line for each further one."""
    command, *rest = _PERCENT.split(command)
    plain = command.replace("\\%", "%").rstrip()
    if not rest:
        return plain
    lines = " ".join(shlex.quote(line.replace("\\%", "%")) for line in rest)
    return f"printf '%s\\n' {lines} | {plain}"


def _word(command: str) -> str:
    """What a command is called: its script, or the first word that is a name."""
    words = re.split(r"[\s;|&<>()]+", _CHANGED_FOLDER.sub("", command))
    stems = [Path(word).stem for word in words if word and not word.startswith(("-", "$", "%", "[", '"', "'"))]
    return next((stem for stem in stems if _WORD.fullmatch(stem) and stem not in _NO_NAMES), "job")
