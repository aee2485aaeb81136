"""The XCom side-car of KubernetesPodOperator, without a process.

Why: Airflow ends it with ``kill -2 $(pgrep -u $(id -u) -f 'sh')``. Where pods share the machine's process tree, that
would interrupt the user's shells.
Source: airflow.providers.cncf.kubernetes.utils.pod_manager, extract_xcom_json and extract_xcom_kill.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

MOUNT_PATH = "/airflow/xcom"
RESULT = "return.json"
_EMPTY = re.compile(r"else\s+echo\s+(\S+?)\s*;")
_TRAP = re.compile(r"""\btrap\s+(?:"[^"]+"|'[^']+'|[^\s"'-]\S*)\s+([A-Z0-9 ]+)""")
_KILL = re.compile(r"\bkill\s+(-2|-s\s+(SIG)?INT|-(SIG)?INT|-2)\b")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the side-car answers to a command."""

    output: bytes = b""
    errors: bytes = b""
    code: int = 0
    ends: bool = False
    reads_stdin: bool = False


def traps_term(script: str) -> bool:
    """Whether a shell's script has a handler for SIGTERM; an empty one means to ignore it."""
    return any({"TERM", "SIGTERM", "15"} & set(match[1].split()) for match in _TRAP.finditer(script))


def answer(command: list[str], volume: Path | None) -> Reply:
    """The reply to a command; ``volume`` is what the side-car sees at ``/airflow/xcom``."""
    text = " ".join(command)
    if _KILL.search(text):
        shown = _result(text, volume) if RESULT in text else Reply()
        return Reply(shown.output, shown.errors, ends=True)
    if RESULT in text:
        return _result(text, volume)
    if command in (["/bin/sh"], ["sh"]):
        return Reply(reads_stdin=True)
    return Reply(
        errors=b"the XCom side-car is emulated: it shows return.json and can be ended, nothing else\n", code=126
    )


def _result(text: str, volume: Path | None) -> Reply:
    try:
        content = (volume / RESULT).read_bytes() if volume else b""
    except OSError:
        content = b""
    if content:
        return Reply(content)
    empty = _EMPTY.search(text)
    if empty:
        return Reply(empty.group(1).encode() + b"\n")
    return Reply(errors=f"cat: can't open '{MOUNT_PATH}/{RESULT}': No such file or directory\n".encode(), code=1)
