"""The page of the command lines, from the programs: Typer and Click, by their parameters.

Not from `--help`: its layout differs between versions of Python.
"""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HANDED_OVER = {
    "adopt": "baton.cronjobs.adopt.command",
    "alerts": "baton.alerts.command",
    "import": "baton.cronjobs.importing.command",
    "jobs": "baton.jobs.command",
    "settings": "baton.settings_command",
    "backups": "baton_workloads.backup.cli:backup",
    "policy": "baton_workloads.etl.cli:policy",
    "watch": "baton_workloads.watch.cli:watch",
}
"""`./baton NAME` → the command line behind it: a module with a Typer `app`, or a Click command in a module."""

_TITLE = """\
# Command line

Made from the programs by `./baton python docs/site/make_reference.py`; edit their help, not this file.

`./baton COMMAND --help` prints the same. Errors that you can fix are one message and exit code 1, without a traceback.
"""
_WORKLOADS = """
# Workloads

What runs inside pods: `python -m baton_workloads COMMAND`. Exit codes: 0 done · 2 usage · 65 data or policy · 78
configuration (none of these is retried) · any other one is worth a retry.
"""


@dataclass(frozen=True)
class Parameter:
    """An argument or an option, as the user writes it."""

    words: str
    help: str


@dataclass(frozen=True)
class Command:
    """A command with what it takes and the commands below it."""

    name: str
    help: str
    arguments: str = ""
    parameters: list[Parameter] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)


def page() -> str:
    """The whole page."""
    import typer

    from baton_local.cli.__main__ import app
    from baton_workloads.__main__ import workloads

    ours = _of_click("./baton", typer.main.get_command(app))
    commands = [_handed_over(command) for command in ours.commands]
    inside_pods = _of_click("python -m baton_workloads", workloads)
    parts = [_TITLE, _overview(commands), *map(_part, commands), _WORKLOADS.replace("# W", "## Inside pods: w", 1)]
    return "\n".join([*parts, *(_part(command, "###") for command in inside_pods.commands)]).strip() + "\n"


def _handed_over(command: Command) -> Command:
    name = command.name.split()[-1]
    if name not in HANDED_OVER:
        return command
    import typer

    module, _, attribute = HANDED_OVER[name].partition(":")
    program = getattr(importlib.import_module(module), attribute or "app")
    behind = _of_click(command.name, typer.main.get_command(program) if isinstance(program, typer.Typer) else program)
    return Command(command.name, behind.help or command.help, behind.arguments, behind.parameters, behind.commands)


def _of_click(name: str, command: Any) -> Command:
    """Of a Click command or of Typer's copy of one, which share their attributes but no class."""
    context = command.context_class(command, info_name=name, show_default=True)
    positional = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    parameters = [shown for parameter in command.params if (shown := _parameter(parameter, context))]
    below = []
    if hasattr(command, "list_commands"):
        children = [(word, command.get_command(context, word)) for word in command.list_commands(context)]
        below = [_of_click(f"{name} {word}", child) for word, child in children if not child.hidden]
    return Command(name, _prose(command.help), " ".join(map(_metavar, positional)), parameters, below)


def _parameter(parameter: Any, context: Any) -> Parameter | None:
    if parameter.param_type_name == "argument":
        return Parameter(_metavar(parameter), _line(getattr(parameter, "help", "")))
    record = None if "--help" in parameter.opts else parameter.get_help_record(context)
    if record is None:
        return None
    words, text = record
    if parameter.envvar and "env var" not in text:
        text = f"{text} [env var: {parameter.envvar}]"
    return Parameter(words, _line(text))


def _metavar(parameter: Any) -> str:
    word = parameter.metavar or parameter.name.upper()
    several = f"{word}…" if parameter.nargs != 1 else word
    return several if parameter.required else f"[{several}]"


def _overview(commands: list[Command]) -> str:
    lines = ["| command | what it does |", "|---|---|"]
    for command in commands:
        lines.append(f"| [`{command.name}`](#{_anchor(command.name)}) | {_line(command.help.split(chr(10) * 2)[0])} |")
    return "\n".join(lines)


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-")


def _part(command: Command, level: str = "##") -> str:
    lines = ["", f"{level} {command.name}", "", command.help]
    if command.arguments:
        lines += ["", f"`{command.name} {command.arguments}`"]
    if command.parameters:
        lines += ["", "| argument or option | |", "|---|---|"]
        lines += [f"| `{_cell(parameter.words)}` | {parameter.help} |" for parameter in command.parameters]
    lines += [_part(child, level + "#") for child in command.commands]
    return "\n".join(lines)


def _prose(text: str | None) -> str:
    """Help as paragraphs; a form feed ends what Click shows."""
    shown = inspect.cleandoc((text or "").partition("\f")[0].replace("\b", ""))
    paragraphs = re.sub(r"%\(prog\)s", "./baton", shown).split("\n\n")
    return "\n\n".join(map(_paragraph, paragraphs))


def _paragraph(text: str) -> str:
    """A paragraph that is laid out in columns, or indented, stays as it is."""
    return f"```text\n{text}\n```" if re.search(r"\S {2,}\S|^ ", text, re.MULTILINE) else text.replace("<", "&lt;")


def _line(text: str | None) -> str:
    return _cell(re.sub(r"\s+", " ", (text or "").replace("%%", "%")).strip()).replace("<", "&lt;")


def _cell(text: str) -> str:
    return text.replace(str(Path.home()), "~").replace("|", "\\|")
