"""Render DAGS.md from the DAGs themselves, so that the list of what runs cannot drift from what runs.

`python -m baton.dag_docs` writes the file, `--check` fails when it would change. Run it in the repository, with the
same environment as Airflow (`AIRFLOW_HOME`, `PYTHONPATH`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from baton.command_line import run
from baton.doc_sections import section

if TYPE_CHECKING:
    from airflow.sdk import DAG

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
    lines += [f"| [{dag.dag_id}](#{dag.dag_id}) | {_when(dag)} | {', '.join(sorted(dag.tags))} |" for dag in dags]
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
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=folder)
    if bag.import_errors:
        raise SystemExit("\n".join(f"{file}: {error}" for file, error in bag.import_errors.items()))
    return list(bag.dags.values())


def main(arguments: list[str] | None = None) -> int:
    """Write or check the file; the exit code of a check is 1 when the file would change."""
    parser = argparse.ArgumentParser(prog="python -m baton.dag_docs", description="Render DAGS.md from the DAGs.")
    parser.add_argument("--dags", type=Path, default=Path("dags"), help="folder of the DAG files")
    parser.add_argument("--output", type=Path, default=Path("DAGS.md"), help="the file to write")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the file would change")
    options = parser.parse_args(arguments)
    text = render(parse(options.dags.resolve()))
    if not options.check:
        options.output.write_text(text, encoding="utf-8")
        return 0
    if options.output.is_file() and options.output.read_text(encoding="utf-8") == text:
        return 0
    print(f"{options.output} is not what the DAGs say: run `python -m baton.dag_docs`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    run(main)
