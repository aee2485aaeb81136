"""What Kubernetes refuses of where a pod may run, by the type of the part, as `fields_container`.

Source: pkg/apis/core/validation of kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator

from baton.cronjobs.fields.container import Object, Rule, needs
from baton.cronjobs.fields.values import Finding, wrong_key
from kubernetes_values import LABEL_VALUE


def toleration(part: Object) -> Iterator[Finding]:
    """Key, operator and value belong together."""
    key, operator = part.get("key"), part.get("operator") or "Equal"
    if key and (why := wrong_key(key)):
        yield ("key",), why
    if not key and operator != "Exists":
        yield ("operator",), "must be Exists where there is no key"
    if operator == "Exists" and part.get("value"):
        yield ("value",), "must be empty where the operator is Exists"
    elif part.get("value") and not LABEL_VALUE.fits(part["value"]):
        yield ("value",), f"{part['value']!r} is no value of a label"
    if part.get("tolerationSeconds") is not None and part.get("effect") != "NoExecute":
        yield ("effect",), "must be NoExecute beside tolerationSeconds"


def requirement(part: Object) -> Iterator[Finding]:
    """Key, operator and values of a selector."""
    yield from needs("key", "operator")(part)
    operator, values = part.get("operator"), part.get("values") or []
    if operator in ("In", "NotIn") and not values:
        yield ("values",), f"is missing: {operator} needs one"
    elif operator in ("Exists", "DoesNotExist") and values:
        yield ("values",), f"must be empty where the operator is {operator}"
    elif operator in ("Gt", "Lt") and len(values) != 1:
        yield ("values",), f"must be one where the operator is {operator}"
    if part.get("key") and (why := wrong_key(part["key"])):
        yield ("key",), why


def node_selector(part: Object) -> Iterator[Finding]:
    """An empty one would fit no node."""
    if not part.get("nodeSelectorTerms"):
        yield ("nodeSelectorTerms",), "is missing"


def weighted(part: Object) -> Iterator[Finding]:
    """A preference has a weight."""
    if not 1 <= (part.get("weight") or 0) <= 100:
        yield ("weight",), f"must be from 1 to 100, is {part.get('weight')}"


def spread(part: Object) -> Iterator[Finding]:
    """A topology spread constraint."""
    yield from needs("topologyKey", "whenUnsatisfiable")(part)
    if (part.get("maxSkew") or 0) < 1:
        yield ("maxSkew",), f"must be 1 or more, is {part.get('maxSkew')}"
    domains = part.get("minDomains")
    if domains is not None and domains < 1:
        yield ("minDomains",), f"must be 1 or more, is {domains}"
    elif domains is not None and part.get("whenUnsatisfiable") != "DoNotSchedule":
        yield ("minDomains",), "needs whenUnsatisfiable: DoNotSchedule"
    keys = part.get("matchLabelKeys") or []
    if keys and part.get("labelSelector") is None:
        yield ("matchLabelKeys",), "needs a labelSelector"
    selected = (part.get("labelSelector") or {}).get("matchLabels") or {}
    for position, key in enumerate(keys):
        if key in selected:
            yield ("matchLabelKeys", position), f"{key!r} is in the labelSelector too"


def node_term(part: Object) -> Iterator[Finding]:
    """Of its fields a node is known by its name only."""
    for position, field in enumerate(part.get("matchFields") or []):
        key = (field or {}).get("key")
        if key and key != "metadata.name":
            yield ("matchFields", position, "key"), f"must be metadata.name, is {key!r}"


RULES: dict[str, Rule] = {
    "core.Toleration": toleration,
    "core.NodeSelector": node_selector,
    "core.NodeSelectorTerm": node_term,
    "core.NodeSelectorRequirement": requirement,
    "core.PreferredSchedulingTerm": weighted,
    "core.WeightedPodAffinityTerm": weighted,
    "core.PodAffinityTerm": needs("topologyKey"),
    "core.TopologySpreadConstraint": spread,
    "meta.LabelSelectorRequirement": requirement,
}
"""By the type of the part, as `kubernetes_values` calls it."""
