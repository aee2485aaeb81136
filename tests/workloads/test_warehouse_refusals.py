"""What a warehouse cannot take, or its role may not do, is said by name, with the statement or the rule that helps."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.workloads.chain import Chain, make_chain
from tests.workloads.postgres_server import Server, older_servers

KEEP = {"things": {"columns": {"id": "keep", "v": "keep"}}}
OLD = {major: folder for major, folder in older_servers().items() if major < 17}


def load(chain: Chain) -> Any:
    """Bring the one dataset to the load, and give its outcome."""
    return chain.run("load", "--manifest", chain.to_processed()["things"])


def things(chain: Chain, kind: str, value: str) -> None:
    """Make a table of one row, all of which is kept."""
    chain.execute(chain.source, f"CREATE TABLE things (id int PRIMARY KEY, v {kind})")
    chain.execute(chain.source, f"INSERT INTO things VALUES (1, {value})")  # noqa: S608
    chain.policies = KEEP


# What the role has, and the statement that the message gives ({role}, {database}).
RIGHTS = {
    "no schema": (["GRANT TEMP ON DATABASE {database} TO {role}"], "GRANT CREATE ON DATABASE {database} TO {role}"),
    "no table": (
        ["GRANT CREATE, TEMP ON DATABASE {database} TO {role}"], 'GRANT USAGE, CREATE ON SCHEMA "public" TO {role}'),
    "no temporary table": (
        ["GRANT CREATE ON DATABASE {database} TO {role}", "GRANT CREATE ON SCHEMA public TO {role}"],
        "GRANT TEMPORARY ON DATABASE {database} TO {role}"),
}  # fmt: skip


@pytest.mark.parametrize(("grants", "words"), RIGHTS.values(), ids=RIGHTS)
def test_a_right_that_the_loading_role_lacks_is_named(file_chain: Chain, grants: list[str], words: str) -> None:
    """For good; with all of them, and none on the database once the schemas are there, a load goes through."""
    names = {"role": f"r{secrets.token_hex(4)}", "database": file_chain.warehouse.rsplit("/", 1)[1]}
    things(file_chain, "interval", "'1 day'")
    file_chain.execute(
        file_chain.warehouse, *(s.format(**names) for s in (
            "CREATE ROLE {role} LOGIN", "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
            "GRANT CONNECT ON DATABASE {database} TO {role}", *grants)),
    )  # fmt: skip
    owner = file_chain.warehouse
    file_chain.environment["BATON_WAREHOUSE_DSN"] = owner.replace("postgres@", f"{names['role']}@")
    outcome = load(file_chain)
    assert (outcome.code, words.format(**names) in outcome.error) == (78, True), outcome.stderr
    every = ["GRANT CREATE, TEMP ON DATABASE {database} TO {role}", "GRANT CREATE, USAGE ON SCHEMA public TO {role}"]
    file_chain.execute(owner, *(s.format(**names) for s in every))
    assert load(file_chain).result["outcome"] == "loaded"
    file_chain.execute(owner, "REVOKE CREATE ON DATABASE {database} FROM {role}".format(**names))
    assert load(file_chain).result["outcome"] == "loaded"
    file_chain.execute(owner, "DROP OWNED BY {role}; DROP ROLE {role}".format(**names))


def test_a_warehouse_whose_encoding_lacks_a_sign_is_named(file_chain: Chain) -> None:
    """And the column; the source's own encoding does not matter."""
    things(file_chain, "text", "'\u0159'")
    server, name = file_chain.warehouse.rsplit("/", 1)
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name}".encode())
        connection.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'".encode())
    outcome = load(file_chain)
    assert (outcome.code, "column v" in outcome.error, "LATIN1" in outcome.error) == (65, True, True), outcome.stderr
    assert "\u0159" not in outcome.stderr


def test_a_type_that_the_warehouse_was_built_without_is_named(file_chain: Chain) -> None:
    """Our server has no libxml: it has the type, and takes no value."""
    things(file_chain, "xml", "NULL")
    file_chain.policies = {"things": {"columns": {"id": "keep", "v": {"rule": "fixed", "value": "<a/>"}}}}
    outcome = load(file_chain)
    assert (outcome.code, "column v: the warehouse, PostgreSQL" in outcome.error) == (65, True), outcome.stderr


@pytest.fixture(scope="module", params=OLD or [pytest.param(0, marks=pytest.mark.skip("no older server is here"))])
def old_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without infinite intervals."""
    server = Server(tmp_path_factory.mktemp(f"old{request.param}"), OLD[request.param])
    server.start()
    yield server
    server.stop()


def test_a_value_that_an_older_warehouse_does_not_know_is_named(
    server: Server, old_server: Server, tmp_path: Path
) -> None:
    """The column and its type; what both know goes through, also from the older one to the newer."""
    chain = make_chain(server, f"file://{tmp_path}/raw", f"file://{tmp_path}/processed")
    chain.warehouse = chain.environment["BATON_WAREHOUSE_DSN"] = old_server.database()
    things(chain, "interval", "'infinity'")
    outcome = load(chain)
    assert (outcome.code, "column v (interval)" in outcome.error) == (65, True), outcome.stderr
    chain.execute(chain.source, "UPDATE things SET v = '1 day'")
    assert chain.validate(chain.to_warehouse("e")).code == 0
    back = make_chain(old_server, f"file://{tmp_path}/r", f"file://{tmp_path}/p")
    back.warehouse = back.environment["BATON_WAREHOUSE_DSN"] = server.database()
    things(back, "interval", "'1 day'")
    assert back.validate(back.to_warehouse()).code == 0
