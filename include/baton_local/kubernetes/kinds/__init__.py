"""The rules of each kind: defaults, validation, the columns of ``kubectl get``."""

from baton_local.kubernetes.resources import Registry

from . import core, cronjob, event, job, namespace, node, pod, review


def registry() -> Registry:
    """All kinds of this server."""
    single = [pod.POD, event.EVENT, namespace.NAMESPACE, node.NODE, job.JOB, cronjob.CRON_JOB]
    return Registry.of([*single, *core.KINDS, *review.KINDS])
