"""An S3 server on loopback with one access key for each stage of the chain, limited to that stage's buckets.

Why: moto's S3 is complete enough (ranges, multipart, conditional writes) and needs no binary, but it starts empty and
open. This module gives it buckets, users and policies before it listens, the same ones after each start, and then
switches its signature and policy checks on. Objects live in memory: they are gone when the server ends.

Run as ``python -m baton_local.object_store PORT CREDENTIALS_FILE``.
Source: https://docs.getmoto.org/en/latest/docs/iam.html
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import httpx

from baton_local.presigned import PresignedLinks
from baton_local.settings import derived

REGION = "us-east-1"
BUCKETS = (
    *("raw", "processed", "backups", "backups-replica", "reports", "diagnostics", "functions", "jobs"),
    "cold-storage",
)

READ = ("s3:GetObject", "s3:HeadObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:HeadBucket")
MULTIPART = ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:ListBucketMultipartUploads")
WRITE = (*READ, "s3:PutObject", "s3:DeleteObject", *MULTIPART)

# Each stage's bucket and what it may do there; nothing else is permitted.
GRANTS: dict[str, dict[str, tuple[str, ...]]] = {
    "export": {"raw": WRITE},
    "transform": {"raw": READ, "processed": WRITE},
    "load": {"processed": READ},
    "validate": {"raw": READ, "processed": READ},
    "purge": {"raw": WRITE},
    "cleanup": {"cold-storage": WRITE, "reports": (*WRITE, "s3:GetObjectTagging")},
    "backup": {"backups": WRITE},
    "cluster": {"backups": WRITE},
    "prove": {"backups": WRITE},
    "replicate": {"backups": READ, "backups-replica": WRITE},
    "report": {"reports": WRITE},
    # Airflow's own connection aws_default.
    "airflow": {"diagnostics": WRITE, "reports": WRITE, "functions": WRITE, "jobs": WRITE},
}


@dataclass(frozen=True)
class AccessKey:
    """One stage's key pair."""

    stage: str
    key_id: str
    secret: str


def stage_key(master_key: str, stage: str) -> AccessKey:
    """One stage's key pair, derived from the stack's master key: the same at each start, of no use for the others."""
    key_id = "BATON" + derived(master_key, f"s3 key {stage}")[:15].upper()
    return AccessKey(stage, key_id, derived(master_key, f"s3 secret {stage}"))


def stage_keys(master_key: str) -> list[AccessKey]:
    """The key pairs of all stages that reach a bucket."""
    return [stage_key(master_key, stage) for stage in GRANTS]


def policy_document(stage: str) -> str:
    """The IAM policy of one stage, as JSON."""
    statements = [
        {
            "Effect": "Allow",
            "Action": list(actions),
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        }
        for bucket, actions in GRANTS[stage].items()
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _provision(keys: list[AccessKey]) -> None:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.iam.models import iam_backends
    from moto.s3.models import s3_backends

    buckets = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for bucket in BUCKETS:
        buckets.create_bucket(bucket, REGION)
    iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for key in keys:
        iam.create_user(REGION, key.stage)
        iam.put_user_policy(key.stage, "own-buckets", policy_document(key.stage))
        made = iam.create_access_key(key.stage)
        # moto draws keys at random; ours stay the same over restarts, as the pods' Secrets hold them.
        made.access_key_id, made.secret_access_key = key.key_id, key.secret


def serve(port: int, keys: list[AccessKey]) -> None:
    """Serve until SIGTERM or SIGINT."""
    from moto import settings
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    _provision(keys)
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    app = PresignedLinks(DomainDispatcherApplication(create_backend_app), {key.key_id: key.secret for key in keys})
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()


def is_ready(port: int) -> bool:
    """Whether the server answers; without a key it answers 403, which is as good."""
    try:
        httpx.get(f"http://127.0.0.1:{port}/moto-api/data.json", timeout=5)
    except httpx.HTTPError:
        return False
    return True


if __name__ == "__main__":
    serve(int(sys.argv[1]), stage_keys(json.loads(Path(sys.argv[2]).read_text())["master_key"]))
