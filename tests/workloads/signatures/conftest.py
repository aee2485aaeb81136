"""A shop with the demo schema, and a mail server of the test's own."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from tests.workloads.postgres_server import Server, free_port
from tests.workloads.signatures.post_office import PostOffice, controller
from tests.workloads.signatures.worker import SHOP, Shop

STAFF = """
INSERT INTO users (id, email, full_name, role, language, time_zone, password_hash, is_active) VALUES
(1, 'requester@shop.example', 'Ada Requester', 'manager', 'en', 'Europe/Berlin', 'x', true),
(2, 'gone@shop.example', 'Bo Gone', 'manager', 'en', 'Europe/Berlin', 'x', false)
"""


@pytest.fixture(scope="session")
def shop_template(server: Server) -> str:
    """A database with the demo schema and two users, to be copied."""
    dsn = server.database()
    with psycopg.connect(dsn) as connection:
        for name in ("schema.sql", "keys.sql"):
            connection.execute((SHOP / name).read_bytes())
        connection.execute(STAFF)
    return dsn.rsplit("/", 1)[1]


@pytest.fixture(scope="session")
def running_office() -> Iterator[PostOffice]:
    """A running mail server."""
    office = PostOffice()
    server = controller(office, free_port())
    server.start()
    yield office
    server.stop()


@pytest.fixture
def office(running_office: PostOffice) -> PostOffice:
    """A mail server without mails that accepts everything."""
    running_office.reset()
    return running_office


@pytest.fixture
def shop(server: Server, shop_template: str, office: PostOffice) -> Shop:
    """A fresh shop."""
    name = f"shop_{secrets.token_hex(6)}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {shop_template} STRATEGY file_copy".encode())
    return Shop(server.dsn(name), office)
