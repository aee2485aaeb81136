"""One thing that people are told, and how it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FAILED, RECOVERED, TROUBLE, OVER = "failed", "recovered", "trouble", "over"
MARKS = {FAILED: "✗", RECOVERED: "✓", TROUBLE: "⚠", OVER: "✓"}


@dataclass(frozen=True)
class Notice:
    """What happened, in words.

    :param key: the same thing has the same key, whoever tells it, however often.
    :param kind: ``failed``, ``recovered`` (a DAG), ``trouble``, ``over`` (Airflow itself).
    :param subject: one line.
    :param lines: what happened and what to do, a paragraph each.
    :param log: the end of a log, line by line.
    :param link: where to look.
    :param urgent: also tell those who are told only when it goes on.
    """

    key: str
    kind: str
    subject: str
    lines: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    link: str = ""
    urgent: bool = False

    @property
    def text(self) -> str:
        """The whole notice as plain text."""
        log = ["End of the log:", *(f"  {line}" for line in self.log)] if self.log else []
        return "\n".join([*self.lines, *log, *([self.link] if self.link else [])])

    def as_json(self) -> dict[str, Any]:
        """For a webhook and for the memory."""
        return {
            "key": self.key, "kind": self.kind, "subject": self.subject, "lines": list(self.lines),
            "log": list(self.log), "link": self.link, "urgent": self.urgent,
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Notice:
        """Read what `as_json` wrote."""
        return cls(**{**value, "lines": tuple(value["lines"]), "log": tuple(value["log"])})
