"""Rules: which workloads, what counts as unhealthy, what is done, how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from baton.exceptions import PermanentError

RESOURCES = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
"""Kinds that can be restarted: something makes their pods again."""
ROLL_OUT, DELETE_PODS = "roll_out", "delete_pods"


class RuleMissingError(PermanentError):
    """A task was asked to act by a rule that the DAG does not have (any more)."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What counts as unhealthy; any of it is enough.

    :param crash_loop: a container ends again and again, and is kept from its next start.
    :param restarts_above: a container restarted more often, the last time within the rule's window.
    :param not_ready_for: a pod that has a node has not been ready for so long.
    :param alert: the alert that started the run names the workload.
    """

    crash_loop: bool = False
    restarts_above: int | None = None
    not_ready_for: timedelta | None = None
    alert: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    :param selector: a label selector as text, of the workloads; empty would be all, which the schema refuses.
    :param at_most: restarts of one workload within `within`; then a person is asked.
    :param ready_within: how long a restart may take.
    :param stable_for: how long it has to stay ready before the restart counts as a success.
    """

    name: str
    namespaces: tuple[str, ...]
    selector: str
    kinds: tuple[str, ...] = tuple(RESOURCES)
    signs: Signs = field(default_factory=Signs)
    action: str = ROLL_OUT
    at_most: int = 3
    within: timedelta = timedelta(hours=1)
    ready_within: timedelta = timedelta(minutes=5)
    stable_for: timedelta = timedelta(seconds=30)


def rule_named(rules: Sequence[Rule], name: str) -> Rule:
    """The rule of this name.

    :raises RuleMissingError: there is none.
    """
    for rule in rules:
        if rule.name == name:
            return rule
    raise RuleMissingError(f"there is no rule {name} (any more): start a new run of heal_workloads")
