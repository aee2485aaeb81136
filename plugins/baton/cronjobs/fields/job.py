"""What Kubernetes refuses in a Job, by the type of the part, as `fields_container`.

Source: pkg/apis/batch/validation of kubernetes/kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from baton.cronjobs.fields.container import Object, Rule, needs, negative, one_of
from baton.cronjobs.fields.values import Finding, wrong_key
from baton.cronjobs.manifests.yaml_documents import Path
from kubernetes_values import SUBDOMAIN

_INDEXED_ONLY = ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy")
_NUMBERS = (
    "parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished",
    "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip
_MAX_PARALLEL = 100_000
_MANY_INDEXES, _MAX_OF_MANY_INDEXES = 100_000, 10_000
_MAX_RULES, _MAX_CODES = 20, 255
_MAX_MANAGER_LENGTH = 63
_PATH = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+")
_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?")


def cronjob(part: Object) -> Iterator[Finding]:
    """Its own numbers."""
    yield from negative(part, ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"))


def job(part: Object) -> Iterator[Finding]:
    """A Job's spec: what only some Jobs may have."""
    indexed = part.get("completionMode") == "Indexed"
    for name in _INDEXED_ONLY if not indexed else ():
        if part.get(name) is not None:
            yield (name,), "needs completionMode: Indexed"
    yield from negative(part, _NUMBERS)
    completions, max_failed = part.get("completions"), part.get("maxFailedIndexes")
    if completions is not None and max_failed is not None and max_failed > completions:
        yield ("maxFailedIndexes",), f"must be no more than the {completions} completions, is {max_failed}"
    if indexed and (part.get("parallelism") or 0) > _MAX_PARALLEL:
        yield ("parallelism",), f"must be {_MAX_PARALLEL} or less in an Indexed Job, is {part['parallelism']}"
    if part.get("maxFailedIndexes") is not None and part.get("backoffLimitPerIndex") is None:
        yield ("backoffLimitPerIndex",), "is missing: maxFailedIndexes needs it"
    if part.get("manualSelector"):
        yield ("manualSelector",), "must not be true: Kubernetes makes the selector of each Job"
    if part.get("managedBy") is not None and not _is_controller(part["managedBy"]):
        yield ("managedBy",), f"must be a name such as example.com/controller, is {part['managedBy']!r}"
    if indexed and (completions or 0) > _MANY_INDEXES and part.get("backoffLimitPerIndex") is not None:
        yield from _many_indexes(part)
    restart = ((part.get("template") or {}).get("spec") or {}).get("restartPolicy")
    if part.get("podFailurePolicy") is not None and restart == "OnFailure":
        yield ("template", "spec", "restartPolicy"), "must be Never in a Job with a podFailurePolicy"
    if part.get("successPolicy") is not None and indexed and completions is not None:
        yield from _success(part["successPolicy"], completions)
    policy = part.get("podFailurePolicy")
    if policy is not None and part.get("podReplacementPolicy") == "TerminatingOrFailed":
        yield ("podReplacementPolicy",), "must be Failed in a Job with a podFailurePolicy"
    rules = (policy or {}).get("rules") or []
    if len(rules) > _MAX_RULES:
        yield ("podFailurePolicy", "rules"), f"must be no more than {_MAX_RULES}, are {len(rules)}"
    for position, rule in enumerate(rules):
        if (rule or {}).get("action") == "FailIndex" and part.get("backoffLimitPerIndex") is None:
            yield ("podFailurePolicy", "rules", position, "action"), "FailIndex needs backoffLimitPerIndex"
        container = ((rule or {}).get("onExitCodes") or {}).get("containerName")
        if container is not None and container not in _containers(part):
            where: Path = ("podFailurePolicy", "rules", position, "onExitCodes", "containerName")
            yield where, f"there is no container {container!r} in the pod"


def _containers(part: Object) -> set[Any]:
    pod = (part.get("template") or {}).get("spec") or {}
    groups = (pod.get(group) or [] for group in ("initContainers", "containers"))
    return {(container or {}).get("name") for group in groups for container in group}


def _is_controller(name: str) -> bool:
    domain, slash, path = name.partition("/")
    return (
        bool(slash)
        and len(name) <= _MAX_MANAGER_LENGTH
        and SUBDOMAIN.fits(domain)
        and _PATH.fullmatch(path) is not None
    )


def _many_indexes(part: Object) -> Iterator[Finding]:
    """So many indexes may not all fail, nor run at once."""
    if part.get("maxFailedIndexes") is None:
        yield ("maxFailedIndexes",), f"is missing: more than {_MANY_INDEXES} completions need it"
    for name in ("maxFailedIndexes", "parallelism"):
        if (part.get(name) or 0) > _MAX_OF_MANY_INDEXES:
            yield (name,), f"must be {_MAX_OF_MANY_INDEXES} or less with so many completions, is {part[name]}"


def _success(policy: Object, completions: int) -> Iterator[Finding]:
    rules = policy.get("rules") or []
    if not rules:
        yield ("successPolicy", "rules"), "is missing"
    if len(rules) > _MAX_RULES:
        yield ("successPolicy", "rules"), f"must be no more than {_MAX_RULES}, are {len(rules)}"
    for position, rule in enumerate(rules):
        where: Path = ("successPolicy", "rules", position)
        rule = rule or {}
        count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
        if count is None and indexes is None:
            yield where, "needs one of succeededCount, succeededIndexes"
        if indexes is not None and not _are_indexes(indexes, completions):
            yield (
                (*where, "succeededIndexes"),
                f"must be indexes from 0 to {completions - 1} such as 0,2-5: {indexes!r}",
            )
        if count is not None and not 0 <= count <= completions:
            yield (*where, "succeededCount"), f"must be from 0 to the {completions} completions, is {count}"


def _are_indexes(text: str, completions: int) -> bool:
    """In order, each once: `1,3-5`."""
    if text == "":
        return True
    ranges = [_RANGE.fullmatch(part) for part in text.split(",")]
    ends = [int(end) for found in ranges if found for end in found.groups() if end is not None]
    return None not in ranges and ends == sorted(set(ends)) and ends[-1] < completions


def failure_rule(part: Object) -> Iterator[Finding]:
    """A rule of a podFailurePolicy looks at one thing."""
    yield from needs("action")(part)
    looks = {"onExitCodes": part.get("onExitCodes"), "onPodConditions": part.get("onPodConditions") or None}
    yield from one_of(looks, ("onExitCodes", "onPodConditions"))
    if len(part.get("onPodConditions") or []) > _MAX_RULES:
        yield ("onPodConditions",), f"must be no more than {_MAX_RULES}, are {len(part['onPodConditions'])}"


def exit_codes(part: Object) -> Iterator[Finding]:
    """Exit codes are in order, each once, and success is no failure."""
    yield from needs("operator")(part)
    values = [code or 0 for code in part.get("values") or []]
    if not values:
        yield ("values",), "is missing"
    elif values != sorted(set(values)):
        yield ("values",), "must be in order, each once"
    elif len(values) > _MAX_CODES:
        yield ("values",), f"must be no more than {_MAX_CODES}, are {len(values)}"
    elif part.get("operator") == "In" and 0 in values:
        yield ("values", values.index(0)), "must not be 0 where the operator is In"


def pod_condition(part: Object) -> Iterator[Finding]:
    """A condition of a pod; which state of it is True unless it is said."""
    yield from needs("type")(part)
    if part.get("type") and (why := wrong_key(part["type"])):
        yield ("type",), why


RULES: dict[str, Rule] = {
    "batch.CronJobSpec": cronjob,
    "batch.JobSpec": job,
    "batch.PodFailurePolicyRule": failure_rule,
    "batch.PodFailurePolicyOnExitCodesRequirement": exit_codes,
    "batch.PodFailurePolicyOnPodConditionsPattern": pod_condition,
}
"""By the type of the part, as `kubernetes_values` calls it."""
