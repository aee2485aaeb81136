"""Claim, send, record: one report through all of its channels, each of them once. A channel has one recipient.

The guarantee: a channel whose sending was recorded is never used again for the report, by whatever run or retry. A
process that is killed between the other side's acceptance and the record leaves a doubt; the next try asks the channel
where that is possible, and else sends the same message under the same reference (a mail under its Message-ID, which
mail programs show once). A channel that fails leaves the others alone: the next try sends only through that one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from baton.exceptions import BatonError, InDoubtError, PermanentError, TransientError
from baton.reports.delivery_ledger import DeliveryLedger

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RenderedReport:
    """A report on its way.

    :param read: gives the content of the file of one kind; None where the report has none.
    :param links: what is shown → address that expires.
    :param links_work: how long they do, in words.
    """

    report_id: str
    title: str
    period_label: str
    headline: str
    read: Callable[[str], bytes | None]
    links: Mapping[str, str] = field(default_factory=dict)
    links_work: str = "for 7 days"


class RecipientRefusedError(PermanentError):
    """One recipient is refused for good, which is nobody else's failure."""


class Channel(Protocol):
    """One way to one recipient."""

    @property
    def name(self) -> str:
        """Its name in the ledger: ``mail:a@example.org``, ``slack:#sales``."""

    def reference(self, report: RenderedReport) -> str:
        """Give the message's name at the other side: the same for the same report."""

    def was_sent(self, report: RenderedReport, since: datetime) -> bool:
        """Ask the other side about a message in doubt; false where it cannot be asked."""

    def send(self, report: RenderedReport) -> None:
        """Send.

        :raises RecipientRefusedError: this recipient is refused for good.
        :raises PermanentError: refused; a retry is useless.
        :raises InDoubtError: perhaps sent, perhaps not.
        :raises TransientError: surely not sent; a retry may succeed.
        """


@dataclass
class Outcome:
    """Channel → how it went: ``sent``, ``sent before``, or the reason of a failure.

    :param refused: recipients who were let go.
    """

    sent: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    failed: dict[str, BatonError] = field(default_factory=dict)


def deliver(report: RenderedReport, channels: Iterable[Channel], ledger: DeliveryLedger) -> Outcome:
    """Send a registered report through each channel that has not had it.

    A recipient who is refused for good is let go, unless nobody else has it by the same kind of channel.

    :raises TransientError: at least one channel failed and a retry may help.
    :raises PermanentError: all failures are permanent.
    """
    outcome = Outcome()
    for channel in channels:
        try:
            outcome.sent[channel.name] = _through(channel, report, ledger)
        except BatonError as err:
            outcome.failed[channel.name] = err
    _let_go(report, outcome)
    ledger.settle(report.report_id, delivered=not outcome.failed)
    if outcome.failed:
        raise _together(report, outcome)
    return outcome


def _through(channel: Channel, report: RenderedReport, ledger: DeliveryLedger) -> str:
    with ledger.claim(report.report_id, channel.name, channel.reference(report)) as claim:
        if claim.is_sent:
            return "sent before"
        if claim.in_doubt_since and channel.was_sent(report, claim.in_doubt_since):
            ledger.sent(report.report_id, channel.name, "found at the other side after a killed try")
            return "sent before"
        try:
            channel.send(report)
        except InDoubtError as err:
            ledger.in_doubt(report.report_id, channel.name, str(err))
            raise
        except BatonError as err:
            ledger.failed(report.report_id, channel.name, str(err))
            raise
        ledger.sent(report.report_id, channel.name)
        log.info("Report %s: sent to %s", report.report_id, channel.name)
        return "sent"


def _let_go(report: RenderedReport, outcome: Outcome) -> None:
    reached = {_kind(name) for name in outcome.sent}
    for name, err in list(outcome.failed.items()):
        if isinstance(err, RecipientRefusedError) and _kind(name) in reached:
            log.error("Report %s: %s is refused for good, and does not get it: %s", report.report_id, name, err)
            outcome.refused[name] = f"refused: {err}"
            del outcome.failed[name]


def _kind(name: str) -> str:
    return name.partition(":")[0]


def _together(report: RenderedReport, outcome: Outcome) -> BatonError:
    reasons = "; ".join(f"{name}: {err}" for name, err in outcome.failed.items())
    permanent = all(isinstance(err, PermanentError) for err in outcome.failed.values())
    kind = PermanentError if permanent else TransientError
    done = f" (done: {', '.join(outcome.sent)})" if outcome.sent else ""
    return kind(f"report {report.report_id} did not reach {reasons}{done}; its files are kept, run the task again")
