"""What the watch reads from its environment: where Airflow is, and who hears of what.

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
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parseaddr

from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError
from baton_workloads.watch.airflow import AirflowApi
from baton_workloads.watch.channels import Channel, Mail, Slack, Unusable, Webhook

NOTICE, ESCALATION = "NOTICE", "ESCALATION"
SLACK_API = "https://slack.com/api"
ADDRESS = re.compile(r"[!-?A-~]+@[!-?A-~]+")
"""What SMTP has a form for: no blanks, no letters beyond ASCII, one ``@``."""


@dataclass
class WatchSettings:
    """What the environment says.

    :param api: None where something of Airflow's is missing.
    :param usual: channels for every notice.
    :param escalation: those for urgent ones besides.
    :param wrong: what is missing or no good, and can be reported through what is not: name → one line.
    """

    usual: list[Channel] = field(default_factory=list)
    escalation: list[Channel] = field(default_factory=list)
    api: AirflowApi | None = None
    wrong: dict[str, str] = field(default_factory=dict)


def read_settings(*others: Channel) -> WatchSettings:
    """Read the environment.

    :param others: channels for every notice besides those that the environment names.
    :raises ConfigurationError: nobody can be notified.
    """
    found = WatchSettings()
    found.usual, found.escalation = [*_channels(NOTICE, found.wrong), *others], _channels(ESCALATION, found.wrong)
    if not found.usual:
        raise ConfigurationError(
            "nobody would be notified: name at least one of BATON_NOTICE_MAIL_TO, BATON_NOTICE_SLACK_CHANNEL, "
            "BATON_NOTICE_WEBHOOK_URL"
        )
    if all(isinstance(channel, Unusable) for channel in (*found.usual, *found.escalation)):
        raise ConfigurationError("; ".join(found.wrong.values()))
    try:
        found.api = AirflowApi(
            required("BATON_AIRFLOW_URL"), required("BATON_AIRFLOW_USER"), required("BATON_AIRFLOW_PASSWORD")
        )
    except ConfigurationError as err:
        found.wrong["airflow"] = f"Airflow is not watched: {err}"
    return found


def _channels(group: str, wrong: dict[str, str]) -> list[Channel]:
    """The channels of one group; what is wrong with them is added to `wrong`."""
    found: list[Channel] = []
    label = group.lower()

    def add(name: str, recipients: list[str], make: Callable[[], Channel]) -> None:
        try:
            found.append(make())
        except ConfigurationError as err:
            wrong[name] = f"Nobody is notified by {name}: {err}"
            found.append(Unusable(name, recipients, str(err)))

    if addresses := _addresses(group, wrong):
        name = f"{label} mail"
        sender = _value("BATON_MAIL_FROM") or "baton@localhost"
        recipients = [f"{name} to {address}" for address in addresses]
        add(name, recipients, lambda: Mail(name, required("BATON_SMTP_URL"), sender, addresses))
    if channel := _value(f"BATON_{group}_SLACK_CHANNEL"):
        slack, url = f"{label} Slack", _value("BATON_SLACK_API_URL") or SLACK_API
        add(slack, [slack], lambda: Slack(slack, url, required("BATON_SLACK_TOKEN"), channel))
    if address := _value(f"BATON_{group}_WEBHOOK_URL"):
        found.append(Webhook(f"{label} webhook", address, _value(f"BATON_{group}_WEBHOOK_TOKEN")))
    return found


def _addresses(group: str, wrong: dict[str, str]) -> list[str]:
    """The addresses of a group; what is none is added to `wrong` by name, and keeps nothing from the others."""
    variable = f"BATON_{group}_MAIL_TO"
    addresses = [address.strip() for address in (_value(variable) or "").split(",") if address.strip()]
    good = [address for address in dict.fromkeys(addresses) if ADDRESS.fullmatch(parseaddr(address)[1])]
    for address in addresses:
        if address not in good:
            wrong[f"{variable} {address}"] = (
                f"{variable} names {address!r}, which is no mail address: it is not notified"
            )
    return good


def _value(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None
