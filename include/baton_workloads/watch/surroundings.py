"""What the watch is told through its environment: where Airflow is, and who hears of what.

| variable | |
|---|---|
| `BATON_AIRFLOW_URL`, `BATON_AIRFLOW_USER`, `BATON_AIRFLOW_PASSWORD` | a user with the role Viewer |
| `BATON_NOTICE_MAIL_TO`, with `BATON_SMTP_URL` and `BATON_MAIL_FROM` | addresses, separated by commas |
| `BATON_NOTICE_SLACK_CHANNEL`, with `BATON_SLACK_TOKEN` | a channel that the bot is a member of |
| `BATON_NOTICE_WEBHOOK_URL`, `BATON_NOTICE_WEBHOOK_TOKEN` | gets each notice as JSON |
| `BATON_ESCALATION_…` in place of `BATON_NOTICE_…` | who hears of what goes on, besides |
"""

from __future__ import annotations

import os

from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError
from baton_workloads.watch.airflow import AirflowApi
from baton_workloads.watch.channels import Channel, Mail, Slack, Webhook

NOTICE, ESCALATION = "NOTICE", "ESCALATION"
SLACK_API = "https://slack.com/api"


def airflow() -> AirflowApi:
    """The Airflow that is watched.

    :raises ConfigurationError: a variable is missing.
    """
    return AirflowApi(required("BATON_AIRFLOW_URL"), required("BATON_AIRFLOW_USER"), required("BATON_AIRFLOW_PASSWORD"))


def channels() -> tuple[list[Channel], list[Channel]]:
    """Those for every notice, and those for urgent ones besides.

    :raises ConfigurationError: nobody is named for every notice, or a channel lacks something.
    """
    usual = _channels(NOTICE)
    if not usual:
        raise ConfigurationError(
            "nobody would be told: name at least one of BATON_NOTICE_MAIL_TO, BATON_NOTICE_SLACK_CHANNEL, "
            "BATON_NOTICE_WEBHOOK_URL"
        )
    return usual, _channels(ESCALATION)


def _channels(group: str) -> list[Channel]:
    found: list[Channel] = []
    label = group.lower()
    if readers := _value(f"BATON_{group}_MAIL_TO"):
        addresses = [address.strip() for address in readers.split(",") if address.strip()]
        found.append(
            Mail(f"{label} mail", required("BATON_SMTP_URL"), _value("BATON_MAIL_FROM") or "baton@localhost", addresses)
        )
    if channel := _value(f"BATON_{group}_SLACK_CHANNEL"):
        url = _value("BATON_SLACK_API_URL") or SLACK_API
        found.append(Slack(f"{label} Slack", url, required("BATON_SLACK_TOKEN"), channel))
    if address := _value(f"BATON_{group}_WEBHOOK_URL"):
        found.append(Webhook(f"{label} webhook", address, _value(f"BATON_{group}_WEBHOOK_TOKEN")))
    return found


def _value(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None
