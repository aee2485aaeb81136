"""Render DAGS.md from the DAGs themselves, so that the list of what runs cannot drift from what runs.

`python -m baton.dag_docs` writes the file, `--check` fails when it would change. Run it in the repository, with the
same environment as Airflow (`AIRFLOW_HOME`, `PYTHONPATH`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from baton import command_line
from baton.airflow_internals.parsed_dags import parse_dags
from baton.doc_sections import section

if TYPE_CHECKING:
    from airflow.sdk import DAG

app = command_line.application(None)

_TITLE = """\
# DAGs

Made from the DAGs by `python -m baton.dag_docs`; edit their docstrings, not this file.
"""


def render(dags: Iterable[DAG]) -> str:
    """Return the whole file: an overview, then one part for each DAG."""
    ordered = sorted(dags, key=lambda dag: dag.dag_id)
    return "\n".join([_TITLE, *_overview(ordered), *map(_part, ordered)])


def _overview(dags: list[DAG]) -> list[str]:
    lines = ["| DAG | when | tags |", "|---|---|---|"]
    lines += [f"| [{dag.dag_id}](#{dag.dag_id.lower()}) | {_when(dag)} | {', '.join(sorted(dag.tags))} |" for dag in dags]
    return lines


def _when(dag: DAG) -> str:
    first_sentence = section(dag.doc_md or "", "Schedule and why").split(". ")[0]
    return " ".join(first_sentence.split()).removesuffix(".")


def _part(dag: DAG) -> str:
    doc = (dag.doc_md or "").strip().replace("\n## ", "\n### ").replace("## ", "### ", 1)
    tasks = ", ".join(f"`{task}`" for task in sorted(dag.task_dict))
    return f"\n## {dag.dag_id}\n\n{doc}\n\n### Tasks\n{tasks}\n"


def parse(folder: Path) -> list[DAG]:
    """Parse the DAG files of a folder.

    :raises SystemExit: a file could not be imported; its error is in the message.
    """
    dags, errors = parse_dags(folder)
    if errors:
        raise SystemExit("\n".join(f"{file}: {error}" for file, error in errors.items()))
    return dags


@app.command()
def write(
    dags: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the DAG files.")] = Path("dags"),
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path("DAGS.md"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing, fail when the file would change.")] = False,
) -> None:
    """Render DAGS.md from the DAGs. Exit code 1: with --check, the file would change."""
    text = render(parse(dags.resolve()))
    if not check:
        output.write_text(text, encoding="utf-8")
    elif not output.is_file() or output.read_text(encoding="utf-8") != text:
        print(f"{output} is not what the DAGs say: run `python -m baton.dag_docs`", file=sys.stderr)
        raise typer.Exit(command_line.WRONG)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    return command_line.run(app, "dag_docs", "baton.dag_docs", arguments)


if __name__ == "__main__":
    sys.exit(main())
