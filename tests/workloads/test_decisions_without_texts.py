"""What is decided by an error's kind or by a sign of ours, not by words that another language, or a name, changes."""

from pathlib import Path

import psycopg
import pytest
from tests.workloads.postgres_server import Server

from baton_workloads.backup import recovery
from baton_workloads.errors import DataError, MissingObjectError
from baton_workloads.etl import column_encoding
from baton_workloads.etl.manifest import Column
from baton_workloads.storage import store_for


def test_backup_that_is_not_there_is_answered_with_the_last_ones(tmp_path: Path) -> None:
    """The store says by the kind of its error that there is none."""
    with pytest.raises(DataError, match="there is no backup 'nope'; the last ones are: none at all"):
        recovery._chosen(f"file://{tmp_path}", "nope", None)


def test_damaged_backup_is_not_called_missing(tmp_path: Path) -> None:
    """Whatever words its name has."""
    uri = recovery.manifest.address(f"file://{tmp_path}", "manifest", "it does not exist")
    store_for(uri).write_bytes(uri, b"rubbish")
    with pytest.raises(DataError, match="damaged or cut off"):
        recovery._chosen(f"file://{tmp_path}", "it does not exist", None)


def test_missing_files_have_an_error_of_their_own(tmp_path: Path) -> None:
    """However they are read."""
    uri = f"file://{tmp_path}/nothing"
    place = store_for(uri)
    with pytest.raises(MissingObjectError):
        place.read_bytes(uri)
    with pytest.raises(MissingObjectError):
        list(place.blocks(uri))
    with pytest.raises(MissingObjectError), place.reading(uri, 0, ""):
        pass


@pytest.mark.parametrize(
    ("kind", "udt", "value"),
    [
        ("numeric(9,2)", "numeric", "'NaN'"),
        ("timestamp", "timestamp", "'294270-01-01'"),
        ("timestamptz", "timestamptz", "'294270-01-01'"),
        ("integer[]", "_int4", "'{{1},{2}}'"),
    ],
)
def test_value_that_its_carrier_does_not_hold_is_refused_with_our_sign(
    server: Server, kind: str, udt: str, value: str
) -> None:
    """The server quotes it in each language; the query itself, which the engine's errors repeat, does not hold it."""
    column = Column(name="n", type=kind, udt=udt, rule="keep", carrier="native")
    query = f"SELECT {column_encoding.selection(column)} FROM (VALUES ({value}::{kind})) AS t (n)"  # noqa: S608
    assert column_encoding.UNHELD not in query
    with psycopg.connect(server.dsn("postgres")) as connection:
        with pytest.raises(psycopg.Error, match=column_encoding.UNHELD) as caught:
            connection.execute(query.encode())
        assert caught.value.sqlstate == "22P02"
