"""``python -m baton_workloads``: run one workload and end with an exit code that tells permanent from transient."""

import os
import signal
import sys
import traceback
from importlib import import_module

import click

from baton_workloads.errors import WorkloadError
from baton_workloads.storage.local_disk import full_disk, is_full

FRAMES = 5  # of an unforeseen error: enough to find the place
OUTPUT_CLOSED = 128 + signal.SIGPIPE
TERMINATED = 128 + signal.SIGTERM
GROUPS = {
    "backup": "Backups that count only after they were restored.",
    "etl": "The warehouse chain: export, transform, load, validate, purge-raw.",
    "idempotent": "The ledger of idempotent jobs.",
    "inventory": "Stock: sync.",
    "maintenance": "Maintenance: vacuum and reindex by need, delete what has expired, rotate logs, warm caches.",
    "reports": "Reports: render them.",
    "signatures": "Signature workflows: remind signers, close what has expired.",
    "watch": "Look at Airflow from outside and notify people, once of each thing.",
}


class _Groups(click.Group):
    """The groups of workloads, each imported when it is asked for: a pod starts without what it does not run.

    Each stands in a package of its name, in ``cli.py``, under its name.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(GROUPS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in GROUPS:
            return None
        command: click.Command = getattr(import_module(f"baton_workloads.{cmd_name}.cli"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the groups without their imports, which take longer than everything else."""
        with formatter.section("Commands"):
            formatter.write_dl(list(GROUPS.items()))


PROGRAM = "BATON_PROGRAM"
"""The variable by which `./baton` says what the user typed, and for which words here: `./baton policy=etl policy`."""


# In a pipe there is no width to keep to: summaries stay whole.
@click.group(
    cls=_Groups,
    context_settings={"max_content_width": 120, **({} if sys.stdout.isatty() else {"terminal_width": 120})},
)
def workloads() -> None:
    """Baton's workloads: what runs inside pods."""


def main(words: list[str] | None = None) -> int:
    """Run the command line; no message of a foreign exception is printed, as it may quote data.

    :param words: the command line's words; those of this process when not given.
    :returns: the exit code.
    """
    try:
        try:
            _run(sys.argv[1:] if words is None else words)
        finally:
            _flush()
    except _OutputClosedError:
        return OUTPUT_CLOSED
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except WorkloadError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except OSError as error:
        if not is_full(error):
            _show_unexpected(error)
            return 1
        full = full_disk("the workload could not go on", error)
        print(f"error: {full}", file=sys.stderr, flush=True)
        return full.exit_code
    except Exception as error:
        _show_unexpected(error)
        return 1
    return 0


def _run(words: list[str]) -> None:
    """Run the command that the words begin with, named in usage lines as the user knows it."""
    program, _, path = os.environ.get(PROGRAM, "").partition("=")
    command: click.Command = workloads
    if program and words[: len(path.split())] == path.split():
        for name in path.split():
            found = command.get_command(click.Context(command), name) if isinstance(command, click.Group) else None
            command = found or command
        command.context_settings = {**workloads.context_settings, **command.context_settings}
        words = words[len(path.split()) :]
    else:
        program = "python -m baton_workloads"
    command.main(words, prog_name=program, standalone_mode=False)


def _flush() -> None:
    """Write what stands in the buffer: while Python ends, an error could only be printed.

    :raises _OutputClosedError: who read the output has stopped, as ``head`` does. Nothing else follows from it:
        a workload has connections of its own.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError as err:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still in the buffer
        raise _OutputClosedError from err


class _OutputClosedError(Exception):
    pass


def _show_unexpected(error: Exception) -> None:
    """Say where an unforeseen error happened without its text."""
    for frame in traceback.extract_tb(error.__traceback__)[-FRAMES:]:
        print(f"  {frame.filename}:{frame.lineno} in {frame.name}", file=sys.stderr)
    print(
        f"error: unexpected {type(error).__name__}; its text is not shown because it may hold data; "
        "see the lines above for the place",
        file=sys.stderr,
        flush=True,
    )


def end_when_asked() -> None:
    """End at SIGTERM with its exit code: a container's first process ignores what it has no handler for.

    Workloads that finish what they are at have a handler of their own.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


if __name__ == "__main__":
    end_when_asked()
    sys.exit(main())
