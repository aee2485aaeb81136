"""The rules of each kind: defaults, validation, the columns of ``kubectl get``."""

from local_kubernetes.resources import Registry

from . import (
    core,
    cronjob,
    custom_definition,
    deployment,
    event,
    job,
    namespace,
    node,
    pod,
    rbac,
    replica_set,
    review,
    volume_claim,
)


def registry() -> Registry:
    """All kinds of this server; those of custom resources come on top as they are defined."""
    single = [pod.POD, event.EVENT, namespace.NAMESPACE, node.NODE, volume_claim.CLAIM, custom_definition.DEFINITION]
    batch = [job.JOB, cronjob.CRON_JOB]
    apps = [replica_set.REPLICA_SET, deployment.DEPLOYMENT]
    return Registry.of([*single, *batch, *apps, *core.KINDS, *rbac.KINDS, *review.KINDS])
