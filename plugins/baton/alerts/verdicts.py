"""What can be decided about an alert, and what each decision means to people."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """A decision; the words stand in answers, in the table and on the page."""

    RUN = "run"
    COVERED = "covered"
    COOLDOWN = "cooldown"
    STORM = "storm"
    OFF = "off"
    SILENCED = "silenced"
    NO_TARGET = "no_target"
    REFUSED = "refused"
    FORBIDDEN = "forbidden"
    UNMATCHED = "unmatched"
    UNREADABLE = "unreadable"
    LEFT_OUT = "left_out"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"
    NOTED = "noted"


RUN = Verdict.RUN
FINAL = frozenset({Verdict.RUN, Verdict.COVERED, Verdict.STORM})
"""A firing alert with one of these has its run; with any other it is decided anew when it is sent again."""
ENDED = frozenset({Verdict.RESOLVED, Verdict.CANCELLED, Verdict.NOTED})
"""What is decided about an alert that is over."""
MEANINGS = {
    Verdict.RUN: "made a run",
    Verdict.COVERED: "a run for the same thing began after this alert did",
    Verdict.COOLDOWN: "a run for the same thing was made a short while before",
    Verdict.STORM: "the route's budget was spent: the storm's one run stands for it",
    Verdict.OFF: "the kill switch was off",
    Verdict.SILENCED: "its sender silences it",
    Verdict.NO_TARGET: "the DAG could not be run: paused, missing or broken",
    Verdict.REFUSED: "the DAG does not take such a run",
    Verdict.FORBIDDEN: "the sender's credential may not use the route",
    Verdict.UNMATCHED: "no route matched",
    Verdict.UNREADABLE: "the alert could not be read",
    Verdict.LEFT_OUT: "the sender left alerts of the group out",
    Verdict.RESOLVED: "the alert ended",
    Verdict.CANCELLED: "the alert ended, and its run with it",
    Verdict.NOTED: "the alert ended, its run got a note",
}
