"""A shop with the demo schema, a few users, and the roles that maintain it."""

import contextlib
import secrets

import psycopg
import pytest
from tests.workloads.maintenance.shops import SHOP, Shop
from tests.workloads.postgres_server import Server

ROLES = {
    "shop_worker": "pg_read_all_data, pg_write_all_data",
    "shop_maintainer": "pg_maintain, pg_monitor, pg_read_all_data",
}
FILES = ("schema.sql", "../baton_workloads/idempotent/ledger.sql", "keys.sql")
STAFF = """
INSERT INTO users (id, email, full_name, role, language, time_zone, password_hash)
VALUES (1, 'a@shop.example', 'A', 'manager', 'en', 'UTC', 'x')
"""


@pytest.fixture(scope="session")
def maintained_template(server: Server) -> str:
    """A database with the demo schema, to be copied."""
    dsn = server.database()
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name in FILES:
            connection.execute((SHOP / name).read_bytes())
        connection.execute(STAFF)
        for role, groups in ROLES.items():
            with contextlib.suppress(psycopg.errors.DuplicateObject):
                connection.execute(f"CREATE ROLE {role} LOGIN".encode())
            connection.execute(f"GRANT {groups} TO {role}".encode())
    return dsn.rsplit("/", 1)[1]


@pytest.fixture
def shop(server: Server, maintained_template: str) -> Shop:
    """A fresh shop."""
    name = f"shop_{secrets.token_hex(6)}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {maintained_template} STRATEGY file_copy".encode())
    return Shop(server.dsn(name))
