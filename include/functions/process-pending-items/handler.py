"""Decide about orders that are still pending: paid, cancelled, or left to wait.

Body: ``{"items": [{"id": 4711}, …], "as_of": "2026-11-01T03:00:00+00:00"}``, at most 1,000 items.
Answer: ``{"paid": 1, "cancelled": 0, "waiting": 98, "done": 0, "failed": [{"index": 7, "error": "…"}]}``; an index
counts from 0 within the items of this call.

One transaction for all items, and only orders that are still pending are changed: the same call again changes nothing.
"""

import json
import os
from datetime import datetime
from pathlib import Path

import psycopg

MAX_ITEMS = 1000

# An order is paid when what was captured covers it, and given up fourteen days after it was placed.
DECIDE = """
WITH wanted AS (SELECT id FROM unnest(%(ids)s::bigint[]) AS id),
locked AS (
    SELECT o.id, o.total_amount, o.placed_at FROM orders o JOIN wanted USING (id)
    WHERE o.status = 'pending' ORDER BY o.id FOR UPDATE OF o
),
decided AS (
    SELECT l.id, CASE WHEN coalesce(sum(p.amount) FILTER (WHERE p.status = 'captured'), 0) >= l.total_amount THEN 'paid'
                      WHEN l.placed_at < %(as_of)s - interval '14 days' THEN 'cancelled' ELSE 'waiting' END AS decision
    FROM locked l LEFT JOIN payments p ON p.order_id = l.id GROUP BY l.id, l.total_amount, l.placed_at
),
changed AS (
    UPDATE orders o SET status = d.decision::order_status FROM decided d
    WHERE o.id = d.id AND d.decision <> 'waiting' RETURNING o.id
)
SELECT w.id, coalesce(d.decision, CASE WHEN o.id IS NULL THEN 'unknown' ELSE 'done' END)
FROM wanted w LEFT JOIN decided d USING (id) LEFT JOIN orders o ON o.id = w.id LEFT JOIN changed c ON c.id = w.id
"""


def secret(name: str) -> str:
    """A secret, from where OpenFaaS mounts it."""
    return (Path(os.environ.get("SECRETS_DIR", "/var/openfaas/secrets")) / name).read_text().strip()


def handle(event, context):
    """Answer one call."""
    try:
        body = json.loads(event.body)
        ids = [int(item["id"]) for item in body["items"]]
        as_of = datetime.fromisoformat(body["as_of"])
    except (ValueError, TypeError, KeyError):
        return {"statusCode": 400, "body": 'wanted: {"items": [{"id": …}], "as_of": an ISO 8601 time}'}
    if len(ids) > MAX_ITEMS:
        return {"statusCode": 413, "body": f"at most {MAX_ITEMS} items"}
    with psycopg.connect(secret("shop-dsn")) as connection:
        decisions = dict(connection.execute(DECIDE, {"ids": ids, "as_of": as_of}).fetchall())
    found = [decisions[number] for number in ids]
    counts = {name: found.count(name) for name in ("paid", "cancelled", "waiting", "done")}
    unknown = [index for index, decision in enumerate(found) if decision == "unknown"]
    return {"body": counts | {"failed": [{"index": index, "error": "there is no such order"} for index in unknown]}}
