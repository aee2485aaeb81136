"""The rules of each kind: defaults, validation, the columns of ``kubectl get``."""

from baton_local.kubernetes.resources import Registry

from . import core, custom_definition, event, job, namespace, node, pod, review


def registry() -> Registry:
    """All kinds of this server."""
    single = [pod.POD, event.EVENT, namespace.NAMESPACE, node.NODE, job.JOB, custom_definition.DEFINITION]
    return Registry.of([*single, *core.KINDS, *review.KINDS])
