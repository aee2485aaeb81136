"""Mail a failed task to the people on call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseNotifier

from baton.doc_sections import section
from baton.notifications.mail import send_mail

if TYPE_CHECKING:
    from airflow.sdk import Context

_HEADING = "If it fails"


class FailureNotifier(BaseNotifier):
    """Tell by mail which task failed, where its log is and what the DAG's documentation says to do.

    Why it never raises: a mail server that is down must not turn one failure into two. Why no exception text beyond
    the first line: it is the one that the workload writes for people, without any value from the data.
    """

    def notify(self, context: Context) -> None:
        """Send the mail; a failure to do so is logged."""
        try:
            send_mail(subject=_subject(context), text=_text(context))
        except Exception:
            self.log.exception("The failure of this task could not be mailed: check the connection smtp_default")


def _subject(context: Context) -> str:
    ti = context["ti"]
    return f"[Baton] {ti.dag_id}.{ti.task_id} failed"


def _text(context: Context) -> str:
    ti = context["ti"]
    lines = [
        f"Task {ti.task_id} of DAG {ti.dag_id} failed after {ti.try_number} tries.",
        f"Run: {ti.run_id}",
        f"Log: {ti.log_url}",
        "",
        f"Error: {_first_line(context.get('exception'))}",
        "",
        f"{_HEADING}:",
        section(context["dag"].doc_md or "", _HEADING) or "The DAG's documentation does not say.",
    ]
    return "\n".join(lines)


def _first_line(error: object) -> str:
    text = str(error or "").strip()
    return text.splitlines()[0] if text else "unknown"
