"""What the plugin's command lines have in common: exit codes, errors in one line, the program's name in usage lines.

Each is a Typer application, and runs as `./baton NAME` in this repository and as `python -m MODULE` beside any Airflow.
Exit codes: 0 all is well; 1 something is wrong with what was asked about; 2 it could not be asked: wrong words, a file
that does not exist, no cluster, no Airflow.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from baton.exceptions import BatonError, PermanentError

if TYPE_CHECKING:
    import typer

FINE, WRONG, NOT_ASKED = 0, 1, 2
OUTPUT_CLOSED = 141
"""As a shell shows a program that SIGPIPE has ended."""
PROGRAM = "BATON_PROGRAM"
"""The variable by which `./baton` says what the user typed."""


def application(text: str | None) -> typer.Typer:
    """An application without commands.

    :param text: what `--help` begins with.
    """
    import typer

    # In a pipe there is no width to keep to: summaries stay whole.
    width = {} if sys.stdout.isatty() else {"terminal_width": 120}
    return typer.Typer(
        help=text,
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120, **width},
    )


def is_projects_own() -> bool:
    """Whether `./baton` runs this, which knows the stack on one machine."""
    return os.environ.get(PROGRAM, "").startswith("./baton")


def run(
    app: typer.Typer,
    name: str,
    module: str,
    arguments: list[str] | None,
    wrong: type[BatonError] = PermanentError,
) -> int:
    """Run an application; returns the exit code.

    :param name: begins each error, as in `baton NAME: …`.
    :param module: by which it runs where there is no `./baton`.
    :param wrong: errors that are about what was asked, code 1; all others of Baton are code 2.
    """
    try:
        try:
            app(arguments, prog_name=os.environ.get(PROGRAM) or f"python -m {module}")
        finally:
            sys.stdout.flush()  # while Python ends, an error could only be printed
    except BrokenPipeError:  # who read the output has stopped, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still in the buffer
        return OUTPUT_CLOSED
    except SystemExit as end:  # Typer's way to say the code, of wrong words too
        if isinstance(end.code, str):
            raise
        return OUTPUT_CLOSED if _is_output_closed() else end.code or FINE
    except BatonError as err:
        print(f"baton {name}: {err}", file=sys.stderr)
        return WRONG if isinstance(err, wrong) else NOT_ASKED
    return FINE


def _is_output_closed() -> bool:
    """Whether Click met a broken pipe: it ends with code 1 then, and wraps the output to hide more of them."""
    return type(sys.stdout).__name__ == "PacifyFlushWrapper"
