"""What Slack gets: a few lines and a link that expires."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from baton.hooks.diagnostics.connections import find_connection
from baton.hooks.diagnostics.index import PodRow, size_text

log = logging.getLogger(__name__)

SENT, NOT_CONFIGURED, NOT_SENT = "sent", "not configured", "not sent"
_LONGEST = 2800
"""Characters of a block's text; Slack takes 3,000."""


def escaped(text: str) -> str:
    """A text that Slack shows as it is: it cannot call people or hide where a link leads."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def message(
    *, title: str, target: str, pods: Sequence[PodRow], problems: Sequence[str], link: str, about: str
) -> dict[str, Any]:
    """The message. Whatever came with the alert is in blocks of plain text, where nothing is a link or a mention."""
    ill = [f"• {pod.name}: {pod.words}" for pod in pods if not pod.is_well][:5]
    well = len(pods) - len([pod for pod in pods if not pod.is_well])
    lines = [target, *ill, *([f"{well} pods look well"] if well else []), *problems]
    blocks = [
        {"type": "header", "text": _plain(title[:140])},
        {"type": "section", "text": _plain("\n".join(lines)[:_LONGEST])},
        {"type": "section", "text": {"type": "mrkdwn", "text": f"<{escaped(link)}|The archive> {escaped(about)}"}},
    ]
    return {"text": escaped(f"{title}: {target}")[:_LONGEST], "blocks": blocks}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text or "-", "emoji": False}


def about_archive(size_bytes: int, hours: float) -> str:
    """Words on the link."""
    return f"({size_text(size_bytes)}, secrets taken out; the link works for {hours:g} hours)"


def post(connection_id: str, channel: str, content: Mapping[str, Any]) -> str:
    """Send a message; returns how that went. It never raises: the archive is there, whether or not Slack is.

    Why links are not unfurled: Slack would fetch the archive.
    """
    if find_connection(connection_id) is None:
        log.warning("Slack was not told: there is no Airflow connection %s", connection_id)
        return NOT_CONFIGURED
    try:
        from airflow.providers.slack.hooks.slack import SlackHook

        hook = SlackHook(slack_conn_id=connection_id, timeout=10)
        hook.call(
            "chat.postMessage", json={"channel": channel, "unfurl_links": False, "unfurl_media": False, **content}
        )
    except Exception as err:  # of the network or of Slack; its text may quote the message, and so the link
        log.warning(
            "Slack was not told (%s): check the connection %s and the channel", type(err).__name__, connection_id
        )
        return NOT_SENT
    return SENT
