"""What the demo data holds: awkward values, consistent books, work for each DAG, and a canary on demand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from baton_local import shop


@pytest.fixture(scope="module")
def connection(module_database: str) -> Iterator[psycopg.Connection]:
    """A connection to a build at a scale where every rare case occurs."""
    shop.make(module_database, 0.005)
    with psycopg.connect(module_database) as connected:
        yield connected


AWKWARD: dict[str, LiteralString] = {
    "NULL": "customers WHERE email IS NULL",
    "empty string": "customers WHERE email = ''",
    "newline": r"customers WHERE family_name LIKE E'%\n%'",
    "carriage return": r"customers WHERE family_name LIKE E'%\r\n%'",
    "tab": r"customers WHERE address_extra LIKE E'%\t%'",
    "single quote": "customers WHERE family_name LIKE '%''%'",
    "double quote": "customers WHERE family_name LIKE '%\"%'",
    "backslash": r"customers WHERE family_name LIKE '%\\%'",
    "the text \\N": r"customers WHERE family_name = E'\\N'",
    "the text NULL": "customers WHERE family_name = 'NULL'",
    "blank at the end": "customers WHERE family_name LIKE '% '",
    "padded char": "customers WHERE octet_length(salutation) > length(salutation)",
    "Greek": "customers WHERE full_name ~ '[α-ω]'",  # noqa: RUF001  # the letters meant
    "Cyrillic": "customers WHERE full_name ~ '[а-я]'",  # noqa: RUF001  # the letters meant
    "Arabic": "customers WHERE language = 'ar' AND city ~ '[ء-ي]'",
    "Hebrew": "customers WHERE full_name ~ '[א-ת]'",
    "Devanagari": "customers WHERE full_name ~ '[अ-ह]'",
    "Han": "customers WHERE full_name ~ '[一-龥]'",
    "outside the basic plane": "customers WHERE full_name LIKE '%𠮷%'",
    "emoji with joiners": "customers WHERE full_name LIKE '%👩‍👩‍👧‍👦%'",
    "combining characters": "customers WHERE full_name <> normalize(full_name, NFC)",
    "right-to-left override": r"customers WHERE full_name LIKE U&'%\202E%'",
    "very long note": "customers WHERE length(notes) > 15000",
    "e-mail in other case": (
        "(SELECT lower(trim(email)) FROM customers WHERE email LIKE '%@%' "
        "GROUP BY 1 HAVING count(DISTINCT email) > 1) AS twins"
    ),
    "non-ASCII domain": "customers WHERE email LIKE '%@bücher.example'",
    "ten phone formats": (
        "(SELECT count(DISTINCT translate(phone, '0123456789', '0000000000')) AS n FROM customers) p WHERE n >= 10"
    ),
    "nested jsonb name": "customers WHERE profile #>> '{household,1,name}' <> ''",
    "JSON null": "customers WHERE profile -> 'size' = 'null'",
    "array NULL element": "customers WHERE array_position(tags, NULL) IS NOT NULL",
    "array with braces": "customers WHERE '{curly}' = ANY (tags)",
    "empty array": "customers WHERE tags = '{}'",
    "NaN": "customers WHERE risk_score = 'NaN'",
    "Infinity": "customers WHERE risk_score = 'Infinity'",
    "numeric past float precision": "customers WHERE loyalty_points::float8::numeric <> loyalty_points",
    "numeric of many scales": "(SELECT count(DISTINCT scale(risk_score)) AS n FROM customers) s WHERE n >= 3",
    "four decimals": "products WHERE price <> round(price, 2)",
    "infinity timestamp": "customers WHERE consent_until = 'infinity'",
    "same local time twice": (
        "orders a JOIN orders b ON a.placed_at < b.placed_at AND b.placed_at < a.placed_at + interval '2 hours' "
        "AND date_trunc('minute', a.placed_at AT TIME ZONE 'Europe/Berlin') "
        "= date_trunc('minute', b.placed_at AT TIME ZONE 'Europe/Berlin') "
        "AND date_trunc('minute', a.placed_at) <> date_trunc('minute', b.placed_at)"
    ),
    "leap day": "customers WHERE birth_date = '2000-02-29'",
    "IPv6": "customers WHERE family(last_login_ip) = 6",
    "zero byte": r"customers WHERE position('\x00'::bytea IN avatar) > 0",
    "interval": "job_executions WHERE duration > interval '1 minute'",
    "free order": "orders WHERE total_amount = 0",
}


@pytest.mark.parametrize("what", AWKWARD)
def test_awkward_values_are_there(connection: psycopg.Connection, what: str) -> None:
    """What breaks pipelines in production occurs at the demo's default scale."""
    query = "SELECT count(*) FROM " + AWKWARD[what]  # noqa: S608  # from the table above
    row = connection.execute(query).fetchone()
    assert row is not None
    assert row[0] > 0


# Each query returns what breaks the rule.
RULES: dict[str, LiteralString] = {
    "an order is the sum of its lines": (
        "SELECT o.id FROM orders o LEFT JOIN order_items i ON i.order_id = o.id GROUP BY o.id "
        "HAVING o.total_amount IS DISTINCT FROM sum(i.line_amount)"
    ),
    "a line is quantity times price less discount": (
        "SELECT order_id FROM order_items WHERE line_amount <> round(quantity * unit_price * (1 - discount_rate), 2)"
    ),
    "a transaction balances": (
        "SELECT transaction_id FROM ledger_entries GROUP BY 1 "
        "HAVING sum(CASE side WHEN 'debit' THEN amount ELSE -amount END) <> 0 OR count(*) < 2"
    ),
    "nothing lies after the reference day": (
        "SELECT id FROM orders WHERE greatest(placed_at, shipped_at) > '2026-11-01Z' "
        "UNION ALL SELECT id FROM payments WHERE captured_at > '2026-11-01Z' "
        "UNION ALL SELECT id FROM signature_reminders WHERE sent_at > '2026-11-01Z'"
    ),
    "closed workflows say when": (
        "SELECT id FROM signature_workflows "
        "WHERE (closed_at IS NULL) <> (status IN ('draft', 'sent', 'viewed')) OR closed_at < sent_at"
    ),
    "reminders are on their workflow's days": (
        "SELECT r.id FROM signature_reminders r JOIN signature_workflows w ON w.id = r.workflow_id "
        "WHERE w.due_on - r.reminder_on <> ALL (w.remind_days_before)"
    ),
    "mail goes to reserved domains": (
        r"SELECT email FROM users WHERE email !~ '\.example$' "
        r"UNION ALL SELECT signer_email FROM signature_workflows WHERE signer_email !~ '@example\.org$' "
        r"UNION ALL SELECT email FROM customers WHERE email LIKE '%@%' "
        r"AND email !~* '(\.example|@example\.(com|org|net)) ?$'"
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_data_is_consistent(connection: psycopg.Connection, rule: str) -> None:
    """Each rule holds for every row."""
    assert connection.execute(RULES[rule]).fetchmany(5) == []


# Money that an order should have had and had not, and bookings that are not their payment's.
RECONCILE = """
WITH due AS (SELECT id, total_amount FROM orders
             WHERE status IN ('paid', 'shipped', 'delivered', 'returned') AND total_amount > 1),
paid AS (SELECT order_id, sum(amount) AS amount FROM payments WHERE status IN ('captured', 'refunded') GROUP BY 1),
booked AS (SELECT payment_id, sum(amount) AS amount, count(*) AS times FROM ledger_entries
           WHERE side = 'credit' AND account = 'receivables' GROUP BY 1)
SELECT CASE WHEN p.amount IS NULL THEN 'order without payment' WHEN p.amount < o.total_amount THEN 'underpaid'
            ELSE 'paid twice' END AS kind, o.id
FROM due o LEFT JOIN paid p ON p.order_id = o.id WHERE p.amount IS DISTINCT FROM o.total_amount
UNION ALL
SELECT CASE WHEN b.times IS NULL THEN 'payment not booked' WHEN b.times = 2 THEN 'booked twice'
            ELSE 'booked with another amount' END, p.order_id
FROM payments p LEFT JOIN booked b ON b.payment_id = p.id
WHERE p.status IN ('captured', 'refunded') AND (b.amount IS DISTINCT FROM p.amount)
UNION ALL
SELECT 'booked without payment', NULL FROM ledger_entries WHERE payment_id IS NULL AND side = 'debit'
ORDER BY 1, 2
"""


def test_reconciling_finds_the_known_differences_and_no_other(connection: psycopg.Connection) -> None:
    """Orders, payments and ledger differ exactly where the data says so."""
    known = """SELECT kind, CASE WHEN kind <> 'booked without payment' THEN order_id END
               FROM shop_meta.known_differences ORDER BY 1, 2"""
    found = connection.execute(RECONCILE).fetchall()
    assert found == connection.execute(known).fetchall()
    assert len({kind for kind, _ in found}) == 7


WORK: dict[str, tuple[LiteralString, int]] = {
    "users who want a daily summary": ("users WHERE is_active AND wants_daily_summary", 20),
    "orders of yesterday": ("orders WHERE placed_at >= '2026-10-31Z' AND handled_by IS NOT NULL", 20),
    "pending orders for more than one batch": ("orders WHERE status = 'pending'", 101),
    "webhooks to process": ("incoming_webhooks WHERE status = 'received'", 20),
    "expired sessions": ("sessions WHERE expires_at < '2026-11-01Z'", 100),
    "live sessions": ("sessions WHERE expires_at >= '2026-11-01Z'", 100),
    "archived executions": ("job_executions WHERE archived_at < '2026-11-01Z'", 100),
    "executions that stay": ("job_executions WHERE archived_at IS NULL", 100),
    "queued jobs": ("job_executions WHERE status = 'queued'", 5),
    "low stock": ("inventory WHERE on_hand - reserved < reorder_point", 20),
    "stock changed since the watermark": (
        "inventory i JOIN sync_watermarks s ON s.source = 'supplier-feed' AND i.updated_at > s.watermark",
        20,
    ),
    "reminders due now": (
        "signature_workflows w CROSS JOIN unnest(remind_days_before) d LEFT JOIN signature_reminders r "
        "ON r.workflow_id = w.id AND r.reminder_on = w.due_on - d "
        "WHERE status IN ('sent', 'viewed') AND due_on - d IN ('2026-10-31', '2026-11-01') AND r.id IS NULL",
        5,
    ),
    "workflows to expire": ("signature_workflows WHERE status IN ('sent', 'viewed') AND due_on < '2026-11-01'", 10),
}


@pytest.mark.parametrize("work", WORK)
def test_each_dag_finds_work(connection: psycopg.Connection, work: str) -> None:
    """The DAGs of the catalogue have something to do at the demo's default scale."""
    query, least = WORK[work]
    row = connection.execute("SELECT count(*) FROM " + query).fetchone()  # noqa: S608  # from the table above
    assert row is not None
    assert row[0] >= least


PERSONAL = """
SELECT c.relname, a.attname, format_type(a.atttypid, NULL) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
AND col_description(c.oid, a.attnum) LIKE 'Personal%'
"""


def test_the_canary_stands_in_every_personal_column(database: str) -> None:
    """Each personal column that can hold a text holds the canary in three rows, awkward characters included."""
    canary = "Kanari'en\"vogel%s"
    shop.make(database, 0.0002, canary=canary)
    with psycopg.connect(database) as connection:
        personal = connection.execute(PERSONAL).fetchall()
        assert len(personal) > 40
        missed = []
        for table, column, kind in personal:
            if kind in ("bigint", "uuid", "date", "inet"):
                continue
            planted = f"{canary}.{table}.{column}."
            # A JSON text escapes the quote.
            bare = planted.removeprefix("Kanari'en\"")
            found = sql.SQL("SELECT count(*) FROM {} WHERE position({} IN {}) > 0").format(
                sql.Identifier(table),
                sql.Literal(planted.encode() if kind == "bytea" else bare),
                sql.Identifier(column) if kind == "bytea" else sql.SQL("{}::text").format(sql.Identifier(column)),
            )
            if connection.execute(found).fetchone() != (3,):
                missed.append((table, column))
        assert missed == []


def test_without_a_canary_there_is_none(connection: psycopg.Connection) -> None:
    """A build without a canary has no column named for it."""
    assert connection.execute("SELECT count(*) FROM customers WHERE profile ? 'canary'").fetchone() == (0,)
