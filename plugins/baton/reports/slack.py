"""Reports by Slack: the blocks that the pod made, and links to the files that expire."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from baton.exceptions import InDoubtError, PermanentError, TransientError
from baton.notifications.slack import post
from baton.reports.delivery import RenderedReport

if TYPE_CHECKING:
    from slack_sdk import WebClient

EVENT = "baton_report"
"""Type of the metadata that a message carries, by which it is found again."""
TRANSIENT_ERRORS = {"ratelimited", "rate_limited", "request_timeout", "team_added_to_org"}
DOUBTFUL_ERRORS = {"internal_error", "fatal_error", "service_unavailable"}
"""After which "some aspect of the operation" may have succeeded, says Slack's reference of chat.postMessage."""
REASON = re.compile(r"[a-z0-9_]+|status \d+")
MAX_BLOCKS, MAX_TEXT, MAX_ELEMENTS = 50, 3000, 10

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SlackChannel:
    """One channel of a workspace.

    :param connect: gives Slack's client; asked when there is something to send.
    :param channel: its name ``#sales`` or, better, its id: only by the id Slack can be asked about a message in doubt.
    """

    connect: Callable[[], WebClient]
    channel: str

    @property
    def name(self) -> str:
        """Its name in the ledger."""
        return f"slack:{self.channel}"

    def reference(self, report: RenderedReport) -> str:
        """Give the report's id, which the message carries as metadata."""
        return report.report_id

    def was_sent(self, report: RenderedReport, since: datetime) -> bool:
        """Look for the message in the channel's history; false where the bot may not read it."""
        try:
            answer = self.connect().conversations_history(
                channel=self.channel, oldest=f"{since.timestamp():.6f}", include_all_metadata=True, limit=200
            )
            messages = list(answer.get("messages") or ())
        except Exception as err:  # see `send`
            log.warning("Slack cannot be asked about report %s (%s)", report.report_id, type(err).__name__)
            return False
        return any(_is_about(message, report.report_id) for message in messages)

    def send(self, report: RenderedReport) -> None:
        """Post one message.

        Why every exception: Slack's client lets through whatever breaks at a foreign answer, an AttributeError at a
        JSON list, an UnicodeDecodeError, an IncompleteRead; of each of them the message may be in the channel.
        """
        from slack_sdk.errors import SlackApiError

        client, form = self.connect(), json.loads(report.read("slack") or b"{}")
        links = _links(report)
        blocks = [*form.get("blocks", [])[: MAX_BLOCKS - len(links)], *links]
        metadata = {"event_type": EVENT, "event_payload": {"report_id": report.report_id}}
        text = form.get("text") or report.headline
        try:
            post(client, self.channel, {"text": text, "blocks": blocks, "metadata": metadata})
        except SlackApiError as err:
            raise _refusal(err, self.channel) from err
        except Exception as err:
            raise InDoubtError(f"Slack does not answer ({type(err).__name__})") from err


def _links(report: RenderedReport) -> list[dict[str, Any]]:
    if not report.links:
        return []
    texts = [_link(label, address) for label, address in report.links.items()]
    elements = [{"type": "mrkdwn", "text": text} for text in [*texts, f"(they work {report.links_work})"]]
    return [{"type": "context", "elements": elements[-MAX_ELEMENTS:]}]


def _link(label: str, address: str) -> str:
    """Give a link as text of its own: an address with a session's token has two thousand characters."""
    text = f"<{address}|{label}>"
    return text if len(text) <= MAX_TEXT else f"{label}: its address is too long for Slack"


def _is_about(message: Any, report_id: str) -> bool:
    metadata = (message.get("metadata") if isinstance(message, dict) else None) or {}
    return metadata.get("event_type") == EVENT and metadata.get("event_payload", {}).get("report_id") == report_id


def _refusal(err: Any, channel: str) -> PermanentError | TransientError:
    status = err.response.status_code
    reason = _reason(err.response) or (f"status {status}" if status >= 400 else "")
    if not REASON.fullmatch(reason):  # the client puts a foreign page's text into its place
        return InDoubtError(f"something else than Slack answers for the message to {channel}")
    if reason in DOUBTFUL_ERRORS or status >= 500:
        return InDoubtError(f"Slack failed on the message to {channel}: {reason}")
    if reason in TRANSIENT_ERRORS or status == 429:
        return TransientError(f"Slack puts off the message to {channel}: {reason}")
    return PermanentError(f"Slack refuses the message to {channel}: {reason}; see the connection slack_api_default")


def _reason(response: Any) -> str:
    try:
        return str(response.get("error") or "")
    except (AttributeError, ValueError):  # the answer is JSON, and no object
        return ""
