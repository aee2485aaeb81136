"""What Kubernetes refuses in a pod and in a Job, by the type of the part, as `fields_container`.

Source: pkg/apis/core/validation and pkg/apis/batch/validation of kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from baton.jobs.fields_container import Object, Rule, needs, one_of, relative_path, user_ids
from baton.jobs.fields_values import Finding, is_label, is_subdomain, wrong_key, wrong_labels
from baton.jobs.manifests_yaml import Path

_OF_RUNNING = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
_INDEXED_ONLY = ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy")
_HIGHEST_MODE = 0o777


def pod(part: Object) -> Iterator[Finding]:
    """A pod as a whole: what refers to what, and names that are there once."""
    volumes = [volume or {} for volume in part.get("volumes") or []]
    yield from _unique(volumes, ("volumes",), "volume", set())
    names = set[str]()
    for group in ("initContainers", "containers"):
        containers = [container or {} for container in part.get(group) or []]
        yield from _unique(containers, (group,), "container", names)
        for position, container in enumerate(containers):
            yield from _mounts(container, {volume.get("name") for volume in volumes}, (group, position))
            sidecar = container.get("restartPolicy") == "Always"
            for field in _OF_RUNNING if group == "initContainers" and not sidecar else ():
                if container.get(field) is not None:
                    yield (group, position, field), "must not be set for an init container"
    yield from _below("nodeSelector", wrong_labels(part.get("nodeSelector") or {}))
    account = part.get("serviceAccountName")
    if account and not is_subdomain(account):
        yield ("serviceAccountName",), f"{account!r} is no name: lower case letters, digits, '-' and '.'"
    if part.get("dnsPolicy") == "None" and not (part.get("dnsConfig") or {}).get("nameservers"):
        yield ("dnsConfig", "nameservers"), "is missing: dnsPolicy None needs one"
    if part.get("activeDeadlineSeconds") is not None and part["activeDeadlineSeconds"] < 1:
        yield ("activeDeadlineSeconds",), f"must be 1 or more, is {part['activeDeadlineSeconds']}"


def _below(name: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    return (((name, *path), why) for path, why in findings)


def _unique(items: list[Object], path: Path, what: str, seen: set[str]) -> Iterator[Finding]:
    for position, item in enumerate(items):
        name = item.get("name")
        if not name:
            yield (*path, position, "name"), "is missing"
        elif name in seen:
            yield (*path, position, "name"), f"{name!r} is the name of two {what}s"
        elif not is_label(name):
            yield (*path, position, "name"), f"{name!r} is no name of a {what}: lower case letters, digits and '-'"
        seen.add(name or "")


def _mounts(container: Object, volumes: set[Any], path: Path) -> Iterator[Finding]:
    for group in ("volumeMounts", "volumeDevices"):
        for position, mount in enumerate(container.get(group) or []):
            name = (mount or {}).get("name")
            if name and name not in volumes:
                yield (*path, group, position, "name"), f"there is no volume {name!r} in volumes"


def volume(part: Object) -> Iterator[Finding]:
    """One source at most; none is an emptyDir."""
    yield from one_of(part, tuple(name for name in part if name != "name"), needed=False)


def files(*names: str) -> Rule:
    """The rule for a volume of files: needs these fields, and a mode that is one."""

    def rule(part: Object) -> Iterator[Finding]:
        yield from needs(*names)(part)
        yield from _mode(part, "defaultMode")

    return rule


def _mode(part: Object, name: str) -> Iterator[Finding]:
    if part.get(name) is not None and not 0 <= part[name] <= _HIGHEST_MODE:
        yield (name,), f"must be a mode from 0 to 0777, is {part[name]} (a decimal 644 is no mode; write 0644)"


def item(part: Object) -> Iterator[Finding]:
    """A key that becomes a file."""
    yield from needs("key")(part)
    yield from relative_path(part, "path")
    yield from _mode(part, "mode")


def toleration(part: Object) -> Iterator[Finding]:
    """Key, operator and value belong together."""
    key, operator = part.get("key"), part.get("operator") or "Equal"
    if key and (why := wrong_key(key)):
        yield ("key",), why
    if not key and operator != "Exists":
        yield ("operator",), "must be Exists where there is no key"
    if operator == "Exists" and part.get("value"):
        yield ("value",), "must be empty where the operator is Exists"
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


def metadata(part: Object) -> Iterator[Finding]:
    """Labels and annotations."""
    yield from _below("labels", wrong_labels(part.get("labels") or {}))
    for key in part.get("annotations") or {}:
        if why := wrong_key(key.lower()):
            yield ("annotations", key), why


def selector(part: Object) -> Iterator[Finding]:
    """Labels that are looked for."""
    yield from _below("matchLabels", wrong_labels(part.get("matchLabels") or {}))


def job(part: Object) -> Iterator[Finding]:
    """A Job's spec: what only some Jobs may have."""
    indexed = part.get("completionMode") == "Indexed"
    for name in _INDEXED_ONLY if not indexed else ():
        if part.get(name) is not None:
            yield (name,), "needs completionMode: Indexed"
    if part.get("maxFailedIndexes") is not None and part.get("backoffLimitPerIndex") is None:
        yield ("backoffLimitPerIndex",), "is missing: maxFailedIndexes needs it"
    if part.get("manualSelector"):
        yield ("manualSelector",), "must not be true: Kubernetes makes the selector of each Job"
    policy = part.get("podFailurePolicy")
    if policy and part.get("podReplacementPolicy") == "TerminatingOrFailed":
        yield ("podReplacementPolicy",), "must be Failed in a Job with a podFailurePolicy"
    for position, rule in enumerate((policy or {}).get("rules") or []):
        if rule.get("action") == "FailIndex" and part.get("backoffLimitPerIndex") is None:
            yield ("podFailurePolicy", "rules", position, "action"), "FailIndex needs backoffLimitPerIndex"


def failure_rule(part: Object) -> Iterator[Finding]:
    """A rule of a podFailurePolicy looks at one thing."""
    yield from needs("action")(part)
    looks = {name: part.get(name) or None for name in ("onExitCodes", "onPodConditions")}
    yield from one_of(looks, ("onExitCodes", "onPodConditions"))


def exit_codes(part: Object) -> Iterator[Finding]:
    """Exit codes are in order, each once, and success is no failure."""
    yield from needs("operator")(part)
    values = part.get("values") or []
    if not values:
        yield ("values",), "is missing"
    elif values != sorted(set(values)):
        yield ("values",), "must be in order, each once"
    elif part.get("operator") == "In" and 0 in values:
        yield ("values", values.index(0)), "must not be 0 where the operator is In"


RULES: dict[str, Rule] = {
    "core.PodSpec": pod,
    "core.PodSecurityContext": user_ids,
    "core.Volume": volume,
    "core.SecretVolumeSource": files("secretName"),
    "core.ConfigMapVolumeSource": files("name"),
    "core.ProjectedVolumeSource": files(),
    "core.DownwardAPIVolumeSource": files(),
    "core.SecretProjection": needs("name"),
    "core.ConfigMapProjection": needs("name"),
    "core.ServiceAccountTokenProjection": needs("path"),
    "core.KeyToPath": item,
    "core.PersistentVolumeClaimVolumeSource": needs("claimName"),
    "core.HostPathVolumeSource": needs("path"),
    "core.NFSVolumeSource": needs("server", "path"),
    "core.CSIVolumeSource": needs("driver"),
    "core.Toleration": toleration,
    "core.NodeSelector": node_selector,
    "core.NodeSelectorRequirement": requirement,
    "core.PreferredSchedulingTerm": weighted,
    "core.WeightedPodAffinityTerm": weighted,
    "core.PodAffinityTerm": needs("topologyKey"),
    "core.TopologySpreadConstraint": spread,
    "meta.ObjectMeta": metadata,
    "meta.LabelSelector": selector,
    "meta.LabelSelectorRequirement": requirement,
    "batch.JobSpec": job,
    "batch.PodFailurePolicyRule": failure_rule,
    "batch.PodFailurePolicyOnExitCodesRequirement": exit_codes,
    "batch.PodFailurePolicyOnPodConditionsPattern": needs("type"),
}
"""By the type of the part, as `fields_table.txt` calls it."""
