"""What Kubernetes refuses of where a pod may run, by the type of the part, as `fields_container`.

Source: pkg/apis/core/validation of kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from baton.cronjobs.fields.container import Object, Rule, needs
from baton.cronjobs.fields.values import Finding, wrong_key
from baton.cronjobs.manifests.yaml_documents import Path
from kubernetes_values import LABEL, LABEL_VALUE, SUBDOMAIN


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


def label_requirement(part: Object) -> Iterator[Finding]:
    """A requirement of a pod's labels: values are labels', too."""
    yield from requirement(part)
    yield from _label_values(part, ("values",))


def _label_values(part: Object, path: Path) -> Iterator[Finding]:
    for position, value in enumerate(part.get("values") or []):
        if value and not LABEL_VALUE.fits(value):
            yield (*path, position), f"{value!r} is no value of a label"


def node_affinity(part: Object) -> Iterator[Finding]:
    """Of the nodes that are required, not of those that are preferred, values have to be labels'."""
    required = part.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for place, term in enumerate(required.get("nodeSelectorTerms") or []):
        for position, each in enumerate((term or {}).get("matchExpressions") or []):
            path: Path = ("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms", place)
            yield from _label_values(each or {}, (*path, "matchExpressions", position, "values"))


def pod_affinity(part: Object) -> Iterator[Finding]:
    """Which pods, of which namespaces, within what."""
    yield from _topology(part)
    for position, name in enumerate(part.get("namespaces") or []):
        if not LABEL.fits(name or ""):
            yield ("namespaces", position), f"{name!r} is no namespace: lower case letters, digits and '-'"
    yield from _keys(part, ("matchLabelKeys", "mismatchLabelKeys"))
    both = set(part.get("matchLabelKeys") or []) & set(part.get("mismatchLabelKeys") or [])
    if both:
        yield ("matchLabelKeys",), f"{min(both)!r} is in mismatchLabelKeys too"


def _topology(part: Object) -> Iterator[Finding]:
    yield from needs("topologyKey")(part)
    if part.get("topologyKey") and (why := wrong_key(part["topologyKey"])):
        yield ("topologyKey",), why


def _keys(part: Object, names: tuple[str, ...]) -> Iterator[Finding]:
    """Keys of labels, of which a selector has none."""
    selector = part.get("labelSelector")
    used = {*((selector or {}).get("matchLabels") or {})}
    used |= {(each or {}).get("key") for each in (selector or {}).get("matchExpressions") or []}
    for name in names:
        for position, key in enumerate(part.get(name) or []):
            if selector is None:
                yield (name,), "needs a labelSelector"
                break
            if why := wrong_key(key or ""):
                yield (name, position), why
            elif key in used and name == "matchLabelKeys":
                yield (name, position), f"{key!r} is in the labelSelector too"


def pod_spec(part: Object) -> Iterator[Finding]:
    """No constraint twice."""
    seen = set[tuple[Any, Any]]()
    for position, each in enumerate(part.get("topologySpreadConstraints") or []):
        pair = ((each or {}).get("topologyKey"), (each or {}).get("whenUnsatisfiable"))
        if pair in seen:
            yield ("topologySpreadConstraints", position, "topologyKey"), f"{pair[0]} with {pair[1]} is there twice"
        seen.add(pair)
    for position, gate in enumerate(part.get("readinessGates") or []):
        if why := wrong_key((gate or {}).get("conditionType") or ""):
            yield ("readinessGates", position, "conditionType"), why
    for position, gate in enumerate(part.get("schedulingGates") or []):
        if why := wrong_key((gate or {}).get("name") or ""):
            yield ("schedulingGates", position, "name"), why


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
    yield from needs("whenUnsatisfiable")(part)
    yield from _topology(part)
    if (part.get("maxSkew") or 0) < 1:
        yield ("maxSkew",), f"must be 1 or more, is {part.get('maxSkew')}"
    domains = part.get("minDomains")
    if domains is not None and domains < 1:
        yield ("minDomains",), f"must be 1 or more, is {domains}"
    elif domains is not None and part.get("whenUnsatisfiable") != "DoNotSchedule":
        yield ("minDomains",), "needs whenUnsatisfiable: DoNotSchedule"
    yield from _keys(part, ("matchLabelKeys",))


def node_term(part: Object) -> Iterator[Finding]:
    """Of its fields a node is known by its name only."""
    for position, field in enumerate(part.get("matchFields") or []):
        key = (field or {}).get("key")
        if key and key != "metadata.name":
            yield ("matchFields", position, "key"), f"must be metadata.name, is {key!r}"
        elif (field or {}).get("operator") not in ("In", "NotIn"):
            yield ("matchFields", position, "operator"), "must be In or NotIn for a field of a node"
        elif len((field or {}).get("values") or []) != 1 or not SUBDOMAIN.fits(field["values"][0] or ""):
            yield ("matchFields", position, "values"), "must be the name of one node"


RULES: dict[str, Rule] = {
    "core.Toleration": toleration,
    "core.NodeSelector": node_selector,
    "core.NodeSelectorTerm": node_term,
    "core.NodeSelectorRequirement": requirement,
    "core.PreferredSchedulingTerm": weighted,
    "core.WeightedPodAffinityTerm": weighted,
    "core.NodeAffinity": node_affinity,
    "core.PodAffinityTerm": pod_affinity,
    "core.PodSpec": pod_spec,
    "core.TopologySpreadConstraint": spread,
    "meta.LabelSelectorRequirement": label_requirement,
}
"""By the type of the part, as `kubernetes_values` calls it."""
