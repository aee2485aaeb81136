"""The rules of each kind: defaults, validation, the columns of ``kubectl get``."""

from baton_local.kubernetes.resources import Registry

from . import core, event, job, namespace, pod


def registry() -> Registry:
    """All kinds of this server."""
    return Registry.of([pod.POD, event.EVENT, namespace.NAMESPACE, job.JOB, *core.KINDS])
