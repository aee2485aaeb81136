"""What an alert points at: a namespace that is allowed, and an object in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from baton.alerts.conf import AlertConf
from baton.exceptions import PermanentError
from baton.settings import settings

VARIABLE = "diagnostics_namespaces"
"""Airflow Variable: the namespaces that may be looked into, with commas or spaces between them."""

KINDS = {
    "pod": "pods",
    "job": "jobs",
    "cronjob": "cronjobs",
    "deployment": "deployments",
    "statefulset": "statefulsets",
    "daemonset": "daemonsets",
    "replicaset": "replicasets",
    "service": "services",
}
"""Fields of `conf.target` → resource, the narrowest first."""

KIND_NAMES = {
    "pod": "Pod",
    "job": "Job",
    "cronjob": "CronJob",
    "deployment": "Deployment",
    "statefulset": "StatefulSet",
    "daemonset": "DaemonSet",
    "replicaset": "ReplicaSet",
    "service": "Service",
}
_KIND_WORDS = (*KIND_NAMES.values(), *KINDS)


class NamespaceRefusedError(PermanentError):
    """The alert names a namespace that nobody allowed."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to look at.

    :param candidates: (kind, name), the narrowest first; what does not exist any more is passed over.
    """

    namespace: str
    candidates: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """The narrowest object, for people."""
        kind, name = self.candidates[0]
        return f"{kind} {name} in namespace {self.namespace}"


def allowed_namespaces(given: Collection[str] | None = None) -> frozenset[str]:
    """The namespaces that may be looked into: the DAG's, or the Airflow Variable's, or the settings', or ours.

    Never the alert's, nor the run's params, which whoever starts a run may set.
    """
    if given:
        return frozenset(given)
    from airflow.sdk import Variable

    text = Variable.get(VARIABLE, default=None) or ""
    return frozenset(text.replace(",", " ").split() or settings().diagnostics_namespaces or [settings().namespace])


def target_of(conf: AlertConf, allowed: Collection[str]) -> Target:
    """The target of an alert's run: `kind` and `name`, or a field for each kind, of which the first that exists counts.

    :raises NamespaceRefusedError: its namespace is not allowed.
    :raises AlertConfError: `conf.target` names no object, or what it names is no name.
    """
    namespace = conf.label_name("namespace")
    if namespace not in allowed:
        raise NamespaceRefusedError(
            f"namespace {namespace} is not among those that may be looked into ({', '.join(sorted(allowed))}): "
            f"add it to the Airflow Variable {VARIABLE} and give Airflow's service account its Role"
        )
    named = [(kind, conf.object_name(kind)) for kind in KINDS if conf.text(kind)]
    if conf.text("kind"):
        kind = {word: word.lower() for word in (*KINDS, *KIND_NAMES.values())}[conf.choice("kind", _KIND_WORDS)]
        named.insert(0, (kind, conf.object_name("name")))
    if service := dict(named).get("service"):
        named.append(("deployment", service))  # a label `service` often names what stands behind it
    if not named:
        conf.choice("kind", _KIND_WORDS)  # says what is missing
    return Target(namespace, tuple(dict.fromkeys(named)))
