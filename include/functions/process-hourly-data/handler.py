"""Process what outside systems have delivered until a moment.

Body: ``{"timestamp": "2026-11-01T10:00:00+00:00", "source": "payments" or "all", "type": "hourly"}``.
Answer: ``{"processed": 3, "failed": 0, "postponed": 1}``.

A delivery is processed once: its row is locked, changed and committed with its result. One that names an order that is
not there yet is tried again later, five times in all. Deliveries that another call has in hand are left to that one.
"""

import json
import os
from datetime import datetime
from pathlib import Path

import psycopg

MAX_ATTEMPTS = 5
ROWS = 500  # in one transaction
TYPES = ("hourly", "backfill")

# A backfill takes what waits for its next attempt, too.
PROCESS = """
WITH due AS (
    SELECT id, attempts, (body ->> 'order') AS order_text FROM incoming_webhooks
    WHERE status = 'received' AND received_at < %(until)s AND (%(source)s = 'all' OR source = %(source)s)
      AND (%(type)s = 'backfill' OR coalesce(next_attempt_at, received_at) <= %(until)s) AND id > %(after)s
    ORDER BY id LIMIT %(rows)s FOR UPDATE SKIP LOCKED
),
judged AS (
    SELECT d.id, d.attempts + 1 AS attempts, CASE WHEN o.id IS NOT NULL THEN 'processed'
           WHEN d.attempts + 1 >= %(max_attempts)s THEN 'failed' ELSE 'received' END AS status
    FROM due d LEFT JOIN orders o ON o.id = CASE WHEN d.order_text ~ '^[0-9]{1,18}$' THEN d.order_text::bigint END
)
UPDATE incoming_webhooks w SET
    status = j.status::webhook_status, attempts = j.attempts,
    processed_at = CASE WHEN j.status = 'processed' THEN now() END,
    error = CASE WHEN j.status = 'processed' THEN NULL ELSE 'its order is not known' END,
    next_attempt_at = CASE WHEN j.status = 'received' THEN %(until)s + j.attempts * interval '1 hour' END
FROM judged j WHERE w.id = j.id RETURNING w.id, j.status
"""


def secret(name: str) -> str:
    """A secret, from where OpenFaaS mounts it."""
    return (Path(os.environ.get("SECRETS_DIR", "/var/openfaas/secrets")) / name).read_text().strip()


def handle(event, context):
    """Answer one call."""
    try:
        body = json.loads(event.body)
        until, source, kind = datetime.fromisoformat(body["timestamp"]), str(body["source"]), body["type"]
    except (ValueError, TypeError, KeyError):
        kind = None
    if kind not in TYPES or until.tzinfo is None:
        return {"statusCode": 400, "body": 'wanted: {"timestamp": ISO 8601 with zone, "source": …, "type": "hourly"}'}
    counts = {"processed": 0, "failed": 0, "received": 0}
    parameters = {"until": until, "source": source, "type": kind, "rows": ROWS, "max_attempts": MAX_ATTEMPTS}
    with psycopg.connect(secret("shop-dsn"), autocommit=True) as connection:
        after = 0
        while rows := connection.execute(PROCESS, parameters | {"after": after}).fetchall():
            after = max(number for number, _ in rows)
            for _, status in rows:
                counts[status] += 1
    return {"body": {"processed": counts["processed"], "failed": counts["failed"], "postponed": counts["received"]}}
