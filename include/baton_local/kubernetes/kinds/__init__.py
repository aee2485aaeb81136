"""The rules of each kind: defaults, validation, the columns of ``kubectl get``."""

from baton_local.kubernetes.resources import Registry

from . import claim, core, cronjob, deployment, event, job, namespace, node, pod, replica_set, review


def registry() -> Registry:
    """All kinds of this server."""
    single = [pod.POD, event.EVENT, namespace.NAMESPACE, node.NODE, claim.CLAIM]
    batch = [job.JOB, cronjob.CRON_JOB]
    apps = [replica_set.REPLICA_SET, deployment.DEPLOYMENT]
    return Registry.of([*single, *batch, *apps, *core.KINDS, *review.KINDS])
