"""The README as it stands in the wheel's metadata: a package index shows it alone, where relative links lead nowhere.

With `BATON_PROJECT_URL`, the address of the repository, links and pictures become absolute ones at the version's tag,
in GitHub's layout. Without it pictures are left out and links become their text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)\[([^][]*)\]\(([^()\s]+)\)")


class WheelReadme(MetadataHookInterface):
    """Called by hatchling; `[tool.hatch.metadata.hooks.custom]` names this file."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the field `readme`, which pyproject.toml calls dynamic."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        shown = for_index(text, os.environ.get("BATON_PROJECT_URL", "").rstrip("/"), metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": shown}


def for_index(text: str, url: str, version: str) -> str:
    """Return the README without relative addresses.

    :param url: of the repository; empty if it has none yet.
    """

    def absolute(match: re.Match[str]) -> str:
        picture, words, target = match.groups()
        if "://" in target:
            return match.group()
        if not url:
            return "" if picture else words
        if target.startswith("#"):
            return match.group()
        return f"{picture}[{words}]({url}/{'raw' if picture else 'blob'}/v{version}/{target})"

    return re.sub(r"\n{3,}", "\n\n", _LINK.sub(absolute, text))
