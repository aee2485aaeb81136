"""Tell Slack, if there is one: a message that cannot be sent never fails a task."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slack_sdk import WebClient

log = logging.getLogger(__name__)

SLACK_CONNECTION = "slack_api_default"
SENT, NOT_CONFIGURED, NOT_SENT = "sent", "not configured", "not sent"


def find_connection(connection_id: str) -> Any | None:
    """The Airflow connection of this name, or None where nobody made one."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        return None


def escaped(text: str) -> str:
    """A text that Slack shows as it is: it cannot call people or hide where a link leads."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain_text(text: str) -> dict[str, Any]:
    """A text object in which nothing is a link, a mention or a format."""
    return {"type": "plain_text", "text": text or "-", "emoji": False}


def connect(**options: Any) -> WebClient:
    """Slack's client with the token of the Airflow connection."""
    from airflow.providers.slack.hooks.slack import SlackHook

    return SlackHook(slack_conn_id=SLACK_CONNECTION, **options).client


def post(client: WebClient, channel: str, content: Mapping[str, Any]) -> None:
    """Post one message; every message of Baton goes through here.

    Why links are not unfurled: Slack would fetch what they lead to.
    """
    client.chat_postMessage(channel=channel, unfurl_links=False, unfurl_media=False, **content)


def post_message(channel: str, content: Mapping[str, Any]) -> str:
    """Send a message; returns how that went: SENT, NOT_CONFIGURED or NOT_SENT. It never raises."""
    if find_connection(SLACK_CONNECTION) is None:
        log.warning("Slack was not notified: there is no Airflow connection %s", SLACK_CONNECTION)
        return NOT_CONFIGURED
    try:
        post(connect(timeout=10), channel, content)
    except Exception as err:  # of the network or of Slack; its text may quote the message, and so the link
        log.warning(
            "Slack was not notified (%s): check the connection %s and the channel", type(err).__name__, SLACK_CONNECTION
        )
        return NOT_SENT
    return SENT
