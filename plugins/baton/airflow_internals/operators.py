"""What operators, triggers and hooks of Airflow and its providers know and do not offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import smtplib

    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
    from airflow.providers.smtp.hooks.smtp import SmtpHook
    from airflow.sdk import BaseOperator, Context


def has_post_execute(operator: BaseOperator) -> bool:
    """Whether somebody passed `post_execute`, which only a worker calls."""
    return operator._post_execute_hook is not None


def pod_labels(operator: KubernetesPodOperator, context: Context) -> str:
    """The label selector of the pods that earlier tries of the task instance have started."""
    return operator._build_find_pod_label_selector(context)


def smtp_client(hook: SmtpHook) -> smtplib.SMTP:
    """Connect; returns the connection itself.

    :raises smtplib.SMTPException, OSError, AirflowException: as `SmtpHook.get_conn`.
    """
    client: Any = hook.get_conn()._smtp_client
    return client  # type: ignore[no-any-return]


def drop_smtp_client(hook: SmtpHook) -> None:
    """Let the hook connect anew the next time."""
    hook._smtp_client = None
