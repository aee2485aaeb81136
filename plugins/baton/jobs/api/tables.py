"""The API's table in Airflow's database: tokens. What a secret is cannot be read from it."""

from __future__ import annotations

from sqlalchemy import Column, MetaData, String, Table, Text

from baton.airflow_internals.database import UtcDateTime

METADATA = MetaData()

TOKENS = Table(
    "baton_api_token",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("scopes", Text, nullable=False),  # JSON: list
    Column("jobs", Text, nullable=False),  # JSON: list; empty, and no tags: all
    Column("tags", Text, nullable=False),  # JSON: list
    Column("keys", Text, nullable=False),  # JSON: [{"id", "sha256", "created_at"}], one or two
    Column("created_by", String(100), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
"""Named tokens; two keys live at the same time while one is changed."""
