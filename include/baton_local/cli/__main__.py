"""Entry point of ``./baton``: every command, and one place where errors become words and exit codes."""

from __future__ import annotations

import errno
import os
import signal
import sys
import tomllib
from typing import Annotated

import typer

from baton_local.cli import (
    adopt,
    alerts,
    backups,
    demo,
    develop,
    doctor,
    import_,
    jobs,
    kubeconfig,
    policy,
    settings,
    stack,
    watch,
)
from baton_local.errors import StackError
from baton_local.layout import current_layout

# Words that this command line does not know go to the program behind the command.
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    name="baton",
    no_args_is_help=True,
    add_completion=False,
    # In a pipe there is no width to keep to: summaries stay whole.
    context_settings={"max_content_width": 120, **({} if sys.stdout.isatty() else {"terminal_width": 120})},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        project = tomllib.loads((current_layout().project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        print(f"{project['name']} {project['version']}")
        raise typer.Exit


@app.callback()
def _baton(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Hand work over when it is done: Kubernetes jobs as Airflow DAGs with real dependencies."""


app.command()(demo.demo)
app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.status)
app.command()(stack.logs)
app.command()(stack.trigger)
app.command()(kubeconfig.kubeconfig)
app.command()(doctor.doctor)
app.command(context_settings=PASS_ON)(develop.test)
app.command()(develop.check)
app.command()(develop.docs)
app.command(context_settings={**PASS_ON, "help_option_names": []})(develop.python)
app.command()(develop.lock)
app.command(context_settings={**PASS_ON, "help_option_names": []})(policy.policy)
app.command(context_settings={**PASS_ON, "help_option_names": []})(adopt.adopt)
app.command(context_settings={**PASS_ON, "help_option_names": []})(watch.watch)
app.command(context_settings={**PASS_ON, "help_option_names": []})(alerts.alerts)
app.command(context_settings={**PASS_ON, "help_option_names": []})(backups.backups)
app.command(context_settings={**PASS_ON, "help_option_names": []})(jobs.jobs)
app.command(context_settings={**PASS_ON, "help_option_names": []})(settings.settings)
app.command("import", context_settings={**PASS_ON, "help_option_names": []})(import_.import_)


def main() -> None:
    """Run the command line; errors that a user can fix are one message without a traceback."""
    # A closing terminal and `kill` end a command as Ctrl-C does: in order.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        try:
            app(prog_name="./baton")
        finally:
            sys.stdout.flush()  # while Python ends, an error could only be printed
    except StackError as err:
        print(f"baton: {err}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        os._exit(141)
    except OSError as err:
        if err.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(
            f"baton: the disk is full ({err.filename or 'unknown file'}): free some space, run this again.",
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
