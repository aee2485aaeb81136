"""What each stage's Secret holds: addresses and keys of what that stage touches, and of nothing else."""

from __future__ import annotations

from baton_local.object_store import REGION, stage_keys

NEEDS: dict[str, tuple[str, ...]] = {
    # the warehouse chain
    "export": ("BATON_SOURCE_DSN", "BATON_RAW_URI"),
    "transform": ("BATON_RAW_URI", "BATON_PROCESSED_URI", "BATON_PSEUDONYM_KEY"),
    "load": ("BATON_PROCESSED_URI", "BATON_WAREHOUSE_DSN"),
    "validate": ("BATON_RAW_URI", "BATON_PROCESSED_URI", "BATON_WAREHOUSE_DSN"),
    "purge": ("BATON_RAW_URI",),
    # CronJobs
    "signatures": ("BATON_SHOP_WORKER_DSN", "BATON_SMTP_URL"),
    # maintenance
    "maintain": ("BATON_SHOP_MAINTAINER_DSN",),
    "cleanup": ("BATON_SHOP_WORKER_DSN", "BATON_COLD_STORAGE_URI", "BATON_REPORTS_URI"),
    "warm": ("BATON_WARM_BASE_URL",),
    # backups
    "backup": ("BATON_SHOP_BACKUP_DSN", "BATON_BACKUPS_URI", "BATON_BACKUP_RECIPIENTS", "BATON_BACKUP_MANIFEST_KEY"),
    "cluster": ("BATON_CLUSTER_KUBECONFIG", "BATON_BACKUPS_URI", "BATON_BACKUP_RECIPIENTS"),
    "prove": ("BATON_SCRATCH_DSN", "BATON_BACKUPS_URI", "BATON_BACKUP_IDENTITY", "BATON_BACKUP_MANIFEST_KEY"),
    "replicate": ("BATON_BACKUPS_URI", "BATON_REPLICA_URI", "BATON_BACKUP_MANIFEST_KEY"),
    # reports
    "report": ("BATON_WAREHOUSE_DSN", "BATON_SOURCE_DSN", "BATON_REPORTS_URI"),
    "inventory": ("BATON_SHOP_WORKER_DSN", "BATON_INVENTORY_API_URL", "BATON_INVENTORY_API_TOKEN"),
}
"""Stage → the variables in its Secret ``baton-{stage}``, besides the S3 key of a stage that has one."""


def stage_secrets(values: dict[str, str], master_key: str, s3_endpoint: str) -> dict[str, dict[str, str]]:
    """Secrets of all stages, ``baton-{stage}`` → key → value.

    :param values: all of the ``BATON_…`` variables named in ``NEEDS``.
    :param master_key: the stack's, from which each stage's S3 key is derived.
    :param s3_endpoint: ``http://host:port`` of the S3 server.
    """
    access = {
        key.stage: {
            "AWS_ACCESS_KEY_ID": key.key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": s3_endpoint,
        }
        for key in stage_keys(master_key)
    }
    return {
        f"baton-{stage}": {**{name: values[name] for name in names}, **access.get(stage, {})}
        for stage, names in NEEDS.items()
    }
