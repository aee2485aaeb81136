"""What `notify(…)` tells people when a job has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from baton.notifications.failure import FailureNotifier
from baton.notifications.mail import send_mail

if TYPE_CHECKING:
    from airflow.sdk import Context


class SuccessNotifier(BaseNotifier):
    """Tell by mail that a job has ended well. As with a failure's mail, one that cannot be sent fails nothing."""

    def notify(self, context: Context) -> None:
        """Send the mail; a failure to do so is logged."""
        ti = context["ti"]
        try:
            send_mail(subject=f"[Baton] {ti.dag_id} succeeded", text=f"Run: {ti.run_id}\nLog: {ti.log_url}")
        except Exception:
            self.log.exception("The success of this job could not be mailed: check the connection smtp_default")


def notice(target: str, how: str) -> Any:
    """The notifier of `notify(target)`.

    :param how: `succeeded` or `failed`.
    """
    if target == "mail":
        return FailureNotifier() if how == "failed" else SuccessNotifier()
    from airflow.providers.slack.notifications.slack import SlackNotifier

    text = f"{{{{ ti.dag_id }}}} {how}: {{{{ ti.log_url }}}}"
    return SlackNotifier(channel=target.removeprefix("slack:"), text=text)
