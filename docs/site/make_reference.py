"""Write the reference pages from the code: command line, settings, files that people edit, the jobs API, Python.

`./baton python docs/site/make_reference.py` writes them, `--check` fails when one would change, as that
of `baton.dag_docs` does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import command_line
import edited_files
import jobs_api
import python_api
import settings_table

PROJECT = Path(__file__).parents[2]
COMMAND = "./baton python docs/site/make_reference.py"
PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/command-line.md": command_line.page,
    "docs/reference/files.md": edited_files.page,
    "docs/reference/jobs-api.json": jobs_api.page,
    "docs/reference/python.md": python_api.page,
    "docs/settings.md": settings_table.page,
}


def main(arguments: list[str] | None = None) -> int:
    """Write or check; the exit code of a check is 1 when a page would change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a page would change")
    check = parser.parse_args(arguments).check
    stale = []
    for name, page in PAGES.items():
        file, text = PROJECT / name, page()
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            file.write_text(text, encoding="utf-8")
    if check and stale:
        print(f"{', '.join(stale)}: not what the code says; run `{COMMAND}`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
