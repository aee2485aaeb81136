"""The receiver's small tables in Airflow's database: what was decided, what was refused, what has to be remembered.

Rows of `baton_alert_decision` are one for each alert, route and verdict: a repeat is counted on its row. Nine thousand
repeats are nine thousand times the same sentence; their number and the last moment say as much, in a thousandth of the
space. A verdict that changes (a cooldown that is over, a DAG that is switched on) is a new row.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

from baton.airflow_internals.database import UtcDateTime

METADATA = MetaData()

DECISIONS = Table(
    "baton_alert_decision",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("route", String(64), nullable=False),  # empty: no route matched
    Column("fingerprint", String(64), nullable=False),
    Column("starts_at", String(40), nullable=False),  # ISO 8601, UTC; as text it is the same in every database
    Column("verdict", String(24), nullable=False),
    Column("reason", Text, nullable=False),
    Column("cooldown_key", String(64), nullable=False),
    Column("source", String(64), nullable=False),
    Column("sender", String(64), nullable=False),  # name of the credential
    Column("dag_id", String(250), nullable=True),
    Column("run_id", String(250), nullable=True),
    Column("alert", Text, nullable=False),  # JSON: the alert without its secrets, to be shown and replayed
    Column("repeats", Integer, nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    UniqueConstraint("route", "fingerprint", "starts_at", "verdict", name="baton_alert_decision_uq"),
    Index("baton_alert_decision_key_ix", "route", "cooldown_key", "verdict"),
    Index("baton_alert_decision_budget_ix", "route", "verdict", "first_at"),
    Index("baton_alert_decision_last_ix", "last_at"),
)
"""What was decided, with links to runs."""

REFUSALS = Table(
    "baton_alert_refusal",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("sender", String(64), nullable=False),  # name of the credential; empty: nobody that is known
    Column("endpoint", String(64), nullable=False),
    Column("status", Integer, nullable=False),  # of the answer
    Column("reason", Text, nullable=False),  # of the last one
    Column("times", BigInteger, nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    UniqueConstraint("sender", "endpoint", "status", name="baton_alert_refusal_uq"),
)
"""Posts of which nothing was decided: one row for each sender, address and answer."""

STATE = Table(
    "baton_alert_state",
    METADATA,
    Column("name", String(100), primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed_by", String(100), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)
"""By name: `lock:ROUTE` (a row to wait for), `off:` and `off:ROUTE` (kill switch), `routes` (the last good file).

The value of a switch is `off`, or the moment (ISO 8601, UTC) until which it is off.
"""
