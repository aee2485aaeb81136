"""Tell Slack that a person is asked, with a link to the question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from baton.notifications.slack import escaped, plain_text, post_message
from baton.notifications.text import beginning_of, end_of

if TYPE_CHECKING:
    from airflow.sdk import Context

_LONGEST = 2800


class QuestionNotifier(BaseNotifier):
    """Post a human-in-the-loop task's question to a channel; without Slack, it stands in Airflow all the same.

    :param channel: of Slack.
    """

    def __init__(self, channel: str) -> None:
        super().__init__()
        self.channel = channel

    def notify(self, context: Context) -> None:
        """Post it."""
        from airflow.providers.standard.operators.hitl import HITLOperator

        task: Any = context["task"]
        link = HITLOperator.generate_link_to_ui_from_context(context=context)
        blocks = [
            {"type": "header", "text": plain_text(beginning_of(str(task.subject), 140))},
            {"type": "section", "text": plain_text(end_of(str(task.body), _LONGEST))},
            {"type": "section", "text": {"type": "mrkdwn", "text": f"<{escaped(link)}|Answer in Airflow>"}},
        ]
        post_message(self.channel, {"text": escaped(str(task.subject)), "blocks": blocks})
