"""How many pods each ReplicaSet of a Deployment shall have next. No side effects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from local_kubernetes.kinds.deployment import surge_and_unavailable
from local_kubernetes.kinds.replica_set import count

Object = dict[str, Any]
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"


def total(sets: Iterable[Object]) -> int:
    """Pods that ReplicaSets shall have together."""
    return sum(each["spec"]["replicas"] for each in sets)


def available(sets: Iterable[Object]) -> int:
    """Pods of ReplicaSets that have been ready long enough."""
    return sum(count(each, "availableReplicas") for each in sets)


def active(sets: Iterable[Object]) -> list[Object]:
    """ReplicaSets that shall have pods."""
    return [each for each in sets if each["spec"]["replicas"] > 0]


def size_annotations(spec: Object) -> dict[str, str]:
    """What a ReplicaSet remembers of its Deployment's size; by it a change of that size is noticed."""
    replicas = spec["replicas"]
    return {DESIRED: str(replicas), MOST: str(replicas + surge_and_unavailable(spec)[0])}


def grown(spec: Object, newest: int, everything: int) -> int:
    """The newest ReplicaSet's next size: as large as wanted, as far as the surge allows.

    :param newest: its size now.
    :param everything: the size of all ReplicaSets now.
    """
    wanted: int = spec["replicas"]
    if spec["strategy"]["type"] == "Recreate" or newest >= wanted:
        return wanted
    room = wanted + surge_and_unavailable(spec)[0] - everything
    return newest + max(0, min(room, wanted - newest))


def shrunk(spec: Object, newest: Object, old: Sequence[Object]) -> dict[str, int]:
    """Next sizes of old ReplicaSets in a rolling update, by name; those that stay as they are are left out.

    Pods that are not available go first: they are of no use to anybody and could block the update. Then as many
    available ones as may be missing.

    :param old: from the oldest.
    """
    least = spec["replicas"] - surge_and_unavailable(spec)[1]
    unavailable = newest["spec"]["replicas"] - count(newest, "availableReplicas")
    allowed = total([newest, *old]) - least - unavailable
    before = {each["metadata"]["name"]: each["spec"]["replicas"] for each in old}
    after = dict(before)
    if allowed > 0:
        _take(after, allowed, {each["metadata"]["name"]: count(each, "availableReplicas") for each in old})
        _take(after, available([newest, *old]) - least, dict.fromkeys(after, 0))
    return {name: size for name, size in after.items() if size != before[name]}


def _take(sizes: dict[str, int], number: int, keep: dict[str, int]) -> None:
    """Make sizes smaller by a number in all, none below what is to be kept of it."""
    for name, size in sizes.items():
        step = max(0, min(number, size - keep[name]))
        sizes[name] = size - step
        number -= step


def resized(spec: Object, sets: Sequence[Object], replicas_before: int) -> dict[str, int]:
    """Sizes of active ReplicaSets after the Deployment itself was scaled in the middle of an update, by name.

    What is added or taken away is shared out in proportion, so that the update gets neither safer nor riskier.

    :param sets: the active ones.
    :param replicas_before: of the Deployment's status, for ReplicaSets that do not remember its size.
    """
    wanted = spec["replicas"]
    most = wanted + surge_and_unavailable(spec)[0] if wanted else 0
    change = most - total(sets)
    newer_first = sorted(sets, key=lambda each: each["metadata"]["creationTimestamp"], reverse=change > 0)
    ordered = sorted(newer_first, key=lambda each: -each["spec"]["replicas"])
    sizes, done = {}, 0
    for each in ordered:
        share = _share(each, spec, change - done, replicas_before)
        sizes[each["metadata"]["name"]] = each["spec"]["replicas"] + share
        done += share
    if ordered and change:
        largest = ordered[0]["metadata"]["name"]
        sizes[largest] = max(0, sizes[largest] + change - done)
    return sizes


def _share(each: Object, spec: Object, rest: int, replicas_before: int) -> int:
    size: int = each["spec"]["replicas"]
    if spec["replicas"] == 0:
        fraction = -size
    else:
        most = spec["replicas"] + surge_and_unavailable(spec)[0]
        before = int((each["metadata"].get("annotations") or {}).get(MOST) or replicas_before)
        fraction = math.floor(size * most / before + 0.5) - size if before else 0
    if rest == 0:
        return 0
    return min(fraction, rest) if rest > 0 else max(fraction, rest)
