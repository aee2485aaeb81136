"""What MkDocs has to know of this repository: pages lie where GitHub shows them, in `docs` and beside the code.

The site has the repository's layout, so the links between pages are the same in both places and nothing rewrites them.
A file that a page links to (a schema, a manifest) is copied beside the pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).parents[2]
BESIDE_THE_CODE = (
    "README.md", "DAGS.md", "CHANGELOG.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "include/local_kubernetes/README.md",
)  # fmt: skip
ASSETS = ("docs/site/site.css", "docs/site/favicon.svg")
_LINK = re.compile(r"\]\(([^)\s#]+)")
_TABLE_ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Replace what MkDocs found below `docs` by the pages, with their paths in the repository."""
    theme = [
        file for file in files if file.abs_src_path and not Path(file.abs_src_path).is_relative_to(PROJECT / "docs")
    ]
    ours = sorted({*pages(), *linked(), *ASSETS})
    return Files([*theme, *(File.generated(config, path, abs_src_path=str(PROJECT / path)) for path in ours)])


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Give what is rendered of a page."""
    return without_escaped_pipes(markdown)


def without_escaped_pipes(text: str) -> str:
    """GitHub wants `\\|` in a table's code, where Python-Markdown shows the backslash and needs none."""
    return _TABLE_ROW.sub(lambda row: _CODE.sub(lambda code: code.group().replace("\\|", "|"), row.group()), text)


def pages() -> list[str]:
    """The pages, as paths in the repository."""
    return [*BESIDE_THE_CODE, *(str(page.relative_to(PROJECT)) for page in sorted((PROJECT / "docs").rglob("*.md")))]


def linked() -> Iterator[str]:
    """Files of the repository that a page shows or leads to."""
    for page in pages():
        for target in links(page):
            file = (PROJECT / page).parent.joinpath(target).resolve()
            if file.is_file() and file.suffix != ".md" and file.is_relative_to(PROJECT):
                yield str(file.relative_to(PROJECT))


def links(page: str) -> list[str]:
    """What a page's links lead to, without those to other sites and without anchors."""
    text = _FENCE.sub("", (PROJECT / page).read_text(encoding="utf-8"))
    return [unquote(target) for target in _LINK.findall(text) if "://" not in target]
