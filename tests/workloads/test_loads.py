"""A load replaces a whole table in one step, or changes nothing."""

import threading
from typing import Any

import psycopg
import pytest
from tests.workloads.chain import Loaded

from baton_workloads.etl.warehouses.postgres.ledger import LOCK


def test_an_older_snapshot_never_replaces_a_newer_one(people: Any) -> None:
    """Clearing last week's run cannot put old data back."""
    old = people.to_processed("2026-11-21")
    people.execute(people.source, "DELETE FROM visits WHERE number > 10")
    people.to_warehouse("2026-11-22")
    outcome = people.run("load", "--manifest", old["visits"])
    assert outcome.result["outcome"] == "newer_present"
    assert "newer snapshot" in outcome.stderr
    assert people.query(people.warehouse, "SELECT count(*) FROM visits") == [(10,)]
    report = people.validate(old).result["datasets"]
    assert report["visits"]["superseded"] is True


def test_another_key_is_refused_unless_it_is_named(loaded: Loaded) -> None:
    """Pseudonyms of two keys do not join, so a changed key must be meant."""
    people = loaded.chain
    people.environment["BATON_PSEUDONYM_KEY"] = "1e" * 32
    processed = people.to_processed("another-key")
    outcome = people.run("load", "--manifest", processed["visits"])
    assert outcome.code == 65
    assert "--accept-key-change" in outcome.error
    assert "1e1e" not in outcome.stderr
    assert [people.load(uri, "--accept-key-change") for uri in processed.values()] == ["loaded"] * 3
    assert people.validate(processed).code == 0


def test_a_snapshot_of_another_source_is_refused_unless_it_is_named(loaded: Loaded, server: Any) -> None:
    """Snapshots of two databases have no order."""
    people = loaded.chain
    people.source = people.environment["BATON_SOURCE_DSN"] = server.database()
    people.execute(people.source, "CREATE TABLE empty (id int, what text)")
    people.policies = {"empty": people.policies["empty"]}
    processed = people.to_processed("another-source")
    outcome = people.run("load", "--manifest", processed["empty"])
    assert outcome.code == 65
    assert "--accept-source-change" in outcome.error
    assert people.load(processed["empty"], "--accept-source-change") == "loaded"


def test_a_table_that_somebody_dropped_is_loaded_again(loaded: Loaded) -> None:
    """The ledger is not believed about a table that is gone."""
    people, processed = loaded.chain, loaded.processed
    people.execute(people.warehouse, "DROP TABLE visits")
    assert people.validate(processed).code == 65
    assert people.load(processed["visits"]) == "loaded"


def test_two_loads_at_once_take_turns(people: Any) -> None:
    """One of them loads, the other finds the work done, also on an empty warehouse."""
    processed = people.to_processed()
    loads = [people.spawn("load", "--manifest", processed["visits"]) for _ in range(3)]
    outputs = [load.communicate(timeout=60) for load in loads]
    assert [load.returncode for load in loads] == [0, 0, 0], outputs
    outcomes = sorted("already" if "already_loaded" in out else "loaded" for out, _ in outputs)
    assert outcomes == ["already", "already", "loaded"]
    assert people.query(people.warehouse, "SELECT count(*) FROM visits") == [(2000,)]


def test_readers_see_the_old_table_until_the_new_one_is_complete(loaded: Loaded) -> None:
    """A query during a load neither waits nor sees half a table."""
    people, processed = loaded.chain, loaded.following
    with psycopg.connect(people.warehouse) as blocker:
        blocker.execute("SELECT pg_advisory_lock(%s, hashtext('visits'))", (LOCK,))
        load = people.spawn("load", "--manifest", processed["visits"])
        counted = people.query(people.warehouse, "SELECT count(*) FROM visits")
    load.communicate(timeout=60)
    assert load.returncode == 0
    assert counted == [(2000,)]


def test_views_grants_indexes_and_owner_survive(loaded: Loaded) -> None:
    """What people built on the table is there after the next load, too."""
    people = loaded.chain
    role = f"reader_{people.warehouse[-8:]}"
    people.execute(
        people.warehouse,
        f"CREATE ROLE {role}",
        f"GRANT SELECT ON people TO {role} WITH GRANT OPTION",
        f"GRANT UPDATE (mood) ON people TO {role}",
        "CREATE INDEX people_born ON people (born) WHERE born IS NOT NULL",
        'CREATE UNIQUE INDEX "by USING" ON people (code)',
        "CREATE VIEW old WITH (security_barrier) AS SELECT id, born FROM people WHERE born < '1990-01-01'",
        "CREATE VIEW older AS SELECT o.id FROM old o JOIN people p ON p.id = o.id",
        "COMMENT ON VIEW old IS 'it''s old'",
        f"GRANT SELECT ON older TO {role}",
    )
    before = dependents_of(people)
    assert [people.load(uri) for uri in loaded.following.values()] == ["loaded"] * 3
    assert dependents_of(people) == before
    assert people.query(people.warehouse, "SELECT count(*) > 0 FROM older") == [(True,)]
    people.execute(people.warehouse, "DROP OWNED BY " + role, "DROP ROLE " + role)


def dependents_of(chain: Any) -> list[Any]:
    """Give what is around the table, in words."""
    return [
        chain.query(chain.warehouse, query)
        for query in (
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
            "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1",
            "SELECT relname, relkind, relacl::text, reloptions::text, obj_description(oid, 'pg_class') FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
            "SELECT attname, attacl::text FROM pg_attribute WHERE attrelid = 'people'::regclass ORDER BY attnum",
        )
    ]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE MATERIALIZED VIEW kept AS SELECT * FROM people", "materialised view public.kept"),
        ("ALTER TABLE people ENABLE ROW LEVEL SECURITY", "row security"),
        ("ALTER TABLE people ADD CONSTRAINT positive CHECK (salary >= 0)", "constraint positive"),
        ("CREATE TABLE refers (person uuid REFERENCES people)", "foreign key refers_person_fkey"),
    ],
)
def test_what_a_new_table_would_lose_is_refused_by_name(loaded: Loaded, statement: str, named: str) -> None:
    """Nothing is changed, and the message names what is in the way."""
    people = loaded.chain
    people.execute(people.warehouse, statement)
    outcome = people.run("load", "--manifest", loaded.following["people"])
    assert outcome.code == 65
    assert named in outcome.error
    assert people.query(people.warehouse, "SELECT count(*) FROM people") == [(501,)]


def test_the_ledger_says_what_was_loaded_from_what(loaded: Loaded) -> None:
    """One row for each load, with digest, snapshot and the key's fingerprint."""
    rows = loaded.chain.query(
        loaded.chain.warehouse,
        "SELECT dataset, run_key, rows, length(manifest_digest), length(key_fingerprint), snapshot ? 'lsn'"
        " FROM baton.load_ledger ORDER BY 1",
    )
    day = "2026-11-22"
    assert rows == [
        ("empty", day, 0, 64, None, True),
        ("people", day, 501, 64, 16, True),
        ("visits", day, 2000, 64, 16, True),
    ]


def test_a_lock_that_is_held_ends_the_load_as_transient(loaded: Loaded, monkeypatch: Any) -> None:
    """A load that waits too long for a reader gives up, and may be tried again."""
    from baton_workloads.etl import database

    people, processed = loaded.chain, loaded.following
    monkeypatch.setattr(database, "SESSION", database.SESSION.replace(database.LOCK_TIMEOUT, "200ms"))
    before = threading.active_count()
    with psycopg.connect(people.warehouse) as reader:
        reader.execute("SELECT count(*) FROM visits")
        outcome = people.run("load", "--manifest", processed["visits"])
    assert outcome.code == 75
    assert threading.active_count() <= before
