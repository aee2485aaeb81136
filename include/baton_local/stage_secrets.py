"""What each stage's Secret holds: addresses and keys of what that stage touches, and of nothing else."""

from __future__ import annotations

from baton_local.object_store import REGION, stage_keys

NEEDS: dict[str, tuple[str, ...]] = {
    "export": ("BATON_SOURCE_DSN", "BATON_RAW_URI"),
    "transform": ("BATON_RAW_URI", "BATON_PROCESSED_URI", "BATON_PSEUDONYM_KEY"),
    "load": ("BATON_PROCESSED_URI", "BATON_WAREHOUSE_DSN"),
    "validate": ("BATON_RAW_URI", "BATON_PROCESSED_URI", "BATON_WAREHOUSE_DSN"),
    "purge": ("BATON_RAW_URI",),
}


def stage_secrets(values: dict[str, str], credentials: dict[str, str], s3_endpoint: str) -> dict[str, dict[str, str]]:
    """Secrets of all stages, ``baton-{stage}`` → key → value.

    :param values: all of the ``BATON_…`` variables named in ``NEEDS``.
    :param credentials: the stack's credentials, with an S3 key pair for each stage.
    :param s3_endpoint: ``http://host:port`` of the S3 server.
    """
    secrets = {}
    for key in stage_keys(credentials):
        own = {name: values[name] for name in NEEDS[key.stage]}
        access = {
            "AWS_ACCESS_KEY_ID": key.key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": s3_endpoint,
        }
        secrets[f"baton-{key.stage}"] = {**own, **access}
    return secrets
