"""What Slack gets: a few lines and a link that expires."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baton.incidents.diagnostics.index import PodRow, size_text
from baton.notifications.slack import escaped, plain_text
from baton.notifications.text import beginning_of, end_of

_LONGEST = 2800
"""Characters of a block's text; Slack takes 3,000."""


def message(
    *, title: str, target: str, pods: Sequence[PodRow], problems: Sequence[str], link: str, about: str
) -> dict[str, Any]:
    """The message. Whatever came with the alert is in blocks of plain text, where nothing is a link or a mention."""
    ill = [f"• {pod.name}: {pod.words}" for pod in pods if not pod.is_well][:5]
    well = len(pods) - len([pod for pod in pods if not pod.is_well])
    lines = [target, *ill, *([f"{well} pods look well"] if well else []), *problems]
    blocks = [
        {"type": "header", "text": plain_text(beginning_of(title, 140))},
        {"type": "section", "text": plain_text(end_of("\n".join(lines), _LONGEST))},
        {"type": "section", "text": {"type": "mrkdwn", "text": f"<{escaped(link)}|The archive> {escaped(about)}"}},
    ]
    return {"text": escaped(beginning_of(f"{title}: {target}", _LONGEST, escaped)), "blocks": blocks}


def about_archive(size_bytes: int, hours: float) -> str:
    """Words on the link."""
    return f"({size_text(size_bytes)}, secrets taken out; the link works for {hours:g} hours)"
