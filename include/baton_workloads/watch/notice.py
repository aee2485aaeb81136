"""One thing that people are notified of, and how it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from baton_workloads.watch.text import clean

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
    :param urgent: also notify those who are notified only when it goes on.
    """

    key: str
    kind: str
    subject: str
    lines: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    link: str = ""
    urgent: bool = False

    def __post_init__(self) -> None:
        """Make every text one that each channel can carry, and the subject one line."""
        texts = {
            "key": clean(self.key), "subject": clean(" ".join(self.subject.split())), "link": clean(self.link),
            "lines": tuple(map(clean, self.lines)), "log": tuple(map(clean, self.log)),
        }  # fmt: skip
        for name, value in texts.items():
            object.__setattr__(self, name, value)  # the usual way, in a frozen dataclass

    @property
    def text(self) -> str:
        """The whole notice as plain text."""
        log = ["End of the log:", *(f"  {line}" for line in self.log)] if self.log else []
        return "\n".join([*self.lines, *log, *([self.link] if self.link else [])])

    def as_json(self) -> dict[str, Any]:
        """For a webhook."""
        return {
            "key": self.key, "kind": self.kind, "subject": self.subject, "lines": list(self.lines),
            "log": list(self.log), "link": self.link, "urgent": self.urgent,
        }  # fmt: skip
