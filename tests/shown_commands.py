"""The shell commands in the blocks of README and docs, and which test runs each."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[1]
PAGES = ("README.md", "SECURITY.md", "docs/*.md", "include/local_kubernetes/README.md")
SHELLS = ("", "bash", "sh", "shell", "console")
CATALOGUE: dict[str, Any] = yaml.safe_load((PROJECT / "tests" / "shown_commands.yaml").read_text(encoding="utf-8"))


@cache
def shown() -> list[tuple[str, str]]:
    """Give page and command of each line, without its comment; lines that go on are one, and so is a here-document."""
    pages = [path for pattern in PAGES for path in sorted(PROJECT.glob(pattern))]
    return [
        (str(page.relative_to(PROJECT)), command)
        for page in pages
        for kind, block in re.findall(r"^ *```(\w*)\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.M | re.S)
        if kind in SHELLS
        for command in commands(block)
    ]


def commands(block: str) -> list[str]:
    """Give the commands of a block."""
    joined = re.sub(r"<<'(\w+)'\n.*?^\1\n", r"<<'\1'\n", block.replace("\\\n", " "), flags=re.M | re.S)
    lines = (" ".join(re.sub(r"\s# .*", "", line).split()) for line in joined.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def matches(pattern: str, page: str, command: str) -> bool:
    """Whether an entry is about a command; ``*`` stands for anything."""
    form = re.escape(pattern).replace(r"\*", ".*")
    return any(re.fullmatch(form, text) for text in (command, f"{page} {command}"))


def entries() -> list[tuple[str, str]]:
    """Give all entries: what runs it, in words, and its pattern."""
    listed = [(kind, pattern) for kind in ("here", "on_a_stack", "printed") for pattern in CATALOGUE[kind]]
    for kind in ("run_by", "with_own_values", "not_run"):
        listed += [(f"{kind} {name}", pattern) for name, patterns in CATALOGUE[kind].items() for pattern in patterns]
    return listed
