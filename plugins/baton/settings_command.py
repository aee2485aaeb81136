"""`./baton settings`: what this installation decides, and where each setting comes from."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from baton import command_line
from baton.settings import settings_file, shown

app = command_line.application(None)


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """What this installation decides, and where each setting comes from.

    Exit codes: 0 all settings can be used, 1 one is wrong, 2 wrong words.
    """
    rows = shown()
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    print(f"Settings file: {settings_file() or 'none'}. A variable BATON_NAME wins over it.\n")
    for row in rows:
        print(f"{row.name} = {row.value}\n    {row.purpose}\n    from {row.origin}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    return command_line.run(app, "settings", "baton.settings_command", arguments)


if __name__ == "__main__":
    sys.exit(main())
