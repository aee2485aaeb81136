"""What can be wrong with a pod's affinity to other pods; which is not used here, where there is one node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local_kubernetes.errors import Cause
from local_kubernetes.names import check_label_key

Object = dict[str, Any]
_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
_WEIGHTS = range(1, 101)


def check_affinity(affinity: Object, field: str) -> list[Cause]:
    """What is wrong with the ``podAffinity`` and ``podAntiAffinity`` of an affinity that stands at ``field``.

    Why, when it is not used: clients refuse to read a term without its topologyKey, so such a pod would run unseen.
    """
    causes = []
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        for where, term in _terms(rules, _REQUIRED, f"{field}.{kind}"):
            causes += _check_term(term, where)
        for where, weighted in _terms(rules, _PREFERRED, f"{field}.{kind}"):
            causes += _check_weight(weighted.get("weight") or 0, where)
            causes += _check_term(weighted.get("podAffinityTerm") or {}, f"{where}.podAffinityTerm")
    return causes


def _terms(rules: Object, part: str, field: str) -> Iterator[tuple[str, Object]]:
    for position, term in enumerate(rules.get(part) or []):
        yield f"{field}.{part}[{position}]", term


def _check_weight(weight: int, field: str) -> list[Cause]:
    if weight in _WEIGHTS:
        return []
    return [Cause(f"{field}.weight", "FieldValueInvalid", f"Invalid value: {weight}: must be in the range 1-100")]


def _check_term(term: Object, field: str) -> list[Cause]:
    key, where = term.get("topologyKey") or "", f"{field}.topologyKey"
    missing = [] if key else [Cause(where, "FieldValueRequired", "Required value: can not be empty")]
    return missing + check_label_key(key, where)
