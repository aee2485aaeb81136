"""What an object in a document is: whether Kubernetes knows its kind, and what a List or Template holds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from baton.cronjobs.manifests.unfilled import IMPORT

Object = dict[str, Any]
_KINDS_OF_BATCH = ("CronJob", "Job", "ScheduledJob", "JobTemplate")
_NEARLY = 0.8
"""How alike a kind is to CronJob that was meant to be it."""


def why_no_object(content: Any) -> str | None:
    """Why something is no object of Kubernetes."""
    if not isinstance(content, dict):
        return "is no Kubernetes object, which is a mapping"
    kind = content.get("kind")
    if not isinstance(kind, str) or not kind:
        return "is missing: every Kubernetes object has apiVersion and kind"
    group = group_of(content)
    of_batch = group == "batch" and content.get("apiVersion") and kind.removesuffix("List") not in _KINDS_OF_BATCH
    if of_batch or ("." not in group and _is_nearly_cronjob(kind)):
        return (
            f"must be CronJob, is {kind!r}, which Kubernetes does not know"
            if _is_nearly_cronjob(kind)
            else (f"is {kind!r}: Kubernetes knows Job and CronJob in {content['apiVersion']}")
        )
    return None


def _is_nearly_cronjob(kind: str) -> bool:
    plain = re.sub(r"[^a-z]", "", kind.lower())
    return plain != "job" and difflib.SequenceMatcher(None, plain, "cronjob").ratio() > _NEARLY


def holds_cronjobs(objects: Any) -> bool:
    return isinstance(objects, list) and any(
        isinstance(each, dict)
        and (each.get("kind") == "CronJob" or holds_cronjobs(each.get("objects") or each.get("items")))
        for each in objects
    )


def advice_for_template(file: str, content: Object) -> str:
    """Why a Template of OpenShift is no manifest, and what fills it in."""
    given = content.get("parameters")
    parameters = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    open_ones = [each for each in parameters if each.get("value") in (None, "") and not each.get("generate")]
    words = "".join(f" -p {each.get('name')}=…" for each in open_ones if each.get("required", True))
    command = f"oc process --local -f {file}{words} -o yaml"
    return f"is a Template, whose parameters were not filled in: import what this prints: {command} | {IMPORT}"


def items_of(content: Object) -> Sequence[Any]:
    """The items of a List; those of a CronJobList may leave out what they are, as an answer of the API does."""
    kind = content["kind"].removesuffix("List")
    if not kind:
        return list(content["items"])
    implied = {"apiVersion": content.get("apiVersion"), "kind": kind}
    return [{**implied, **item} if isinstance(item, dict) else item for item in content["items"]]


def group_of(content: Object) -> str:
    """The API group; a CronJob without any is taken for one of Kubernetes.

    So is one of a group without a dot, such as v1 or apps/v1, which nobody but Kubernetes may have: it is a mistake.
    """
    version = content.get("apiVersion")
    return version.rpartition("/")[0] if isinstance(version, str) and version else "batch"
