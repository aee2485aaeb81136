"""What people attached to a warehouse table: given back exactly by the next load, or refused by name before it."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.workloads.chain import Chain, make_chain
from tests.workloads.postgres_server import Server

SOURCE = """
CREATE TABLE people (id bigint PRIMARY KEY, name text, born date, doc jsonb, number int);
INSERT INTO people SELECT i, 'Name ' || i, date '1990-01-01' + i, jsonb_build_object('n', i), i
  FROM generate_series(1, 50) i;
"""
POLICY = {
    "id": {"rule": "pseudonym", "domain": "person"},
    "name": "keep",
    "born": {"rule": "generalise_date", "to": "year"},
    "doc": "keep",
    "number": "keep",
}

GIVEN_BACK = {
    "grants": "GRANT SELECT ON people TO {role} WITH GRANT OPTION; GRANT UPDATE (name), SELECT (born) ON people TO"
    " {other}; GRANT SELECT ON people TO PUBLIC",
    "a grant that was passed on": "GRANT SELECT, DELETE ON people TO {role} WITH GRANT OPTION; SET ROLE {role};"
    " GRANT SELECT ON people TO {other}; RESET ROLE",
    "a default privilege that was revoked here": "REVOKE ALL ON people FROM {heir}; GRANT INSERT ON people TO {heir}",
    "an owner without all its privileges": "ALTER TABLE people OWNER TO {role};"
    " REVOKE TRUNCATE, DELETE ON people FROM {role}",
    "an owner": "ALTER TABLE people OWNER TO {role}; GRANT SELECT ON people TO {other}",
    "views upon views": "CREATE SCHEMA bi; CREATE VIEW old WITH (security_barrier, security_invoker = true) AS"
    " SELECT id, born FROM people WHERE born < '1990-06-01' WITH LOCAL CHECK OPTION;"
    ' CREATE VIEW bi."Older USING" AS SELECT o.id AS "Id" FROM old o JOIN people p ON p.id = o.id;'
    " COMMENT ON VIEW old IS E'it''s \\\\ old'; COMMENT ON COLUMN old.born IS 'year';"
    " ALTER VIEW old ALTER COLUMN born SET DEFAULT date '1990-01-01'; ALTER VIEW old OWNER TO {role};"
    ' GRANT SELECT (id) ON old TO {other}; GRANT SELECT ON bi."Older USING" TO PUBLIC',
    "a view that groups by the primary key": "CREATE VIEW grouped AS SELECT id, name FROM people GROUP BY id",
    "a view of whole rows": "CREATE VIEW rows AS SELECT p, p.id FROM people p",
    "indexes": "CREATE INDEX partial ON people (born DESC NULLS LAST) INCLUDE (name) WHERE born IS NOT NULL;"
    " CREATE INDEX doc ON people USING gin (doc jsonb_path_ops) WITH (fastupdate = off);"
    ' CREATE UNIQUE INDEX "a USING b" ON people (number, lower(name) text_pattern_ops) NULLS NOT DISTINCT;'
    " ALTER INDEX \"a USING b\" ALTER COLUMN 2 SET STATISTICS 500; COMMENT ON INDEX partial IS 'why'",
    "a tablespace of an index": "CREATE INDEX elsewhere ON people (born) TABLESPACE {space}",
    "a tablespace": "ALTER TABLE people SET TABLESPACE {space}",
    "a primary key of another name": "ALTER TABLE people RENAME CONSTRAINT people_pkey TO pk;"
    " COMMENT ON CONSTRAINT pk ON people IS 'k'",
    "a primary key that defers": "ALTER TABLE people DROP CONSTRAINT people_pkey;"
    " ALTER TABLE people ADD CONSTRAINT people_pkey PRIMARY KEY (id) INCLUDE (number) DEFERRABLE",
    "columns that are never NULL": "ALTER TABLE people ALTER name SET NOT NULL;"
    " ALTER TABLE people ADD CONSTRAINT counted NOT NULL number",
    "defaults": "ALTER TABLE people ALTER born SET DEFAULT now()::date, ALTER name SET DEFAULT E'a''\\\\b'",
    "a sequence of its own": "CREATE SEQUENCE s OWNED BY people.number;"
    " ALTER TABLE people ALTER number SET DEFAULT nextval('s')",
    "the mark to cluster by": "CLUSTER people USING people_pkey",
    "replica identity full": "ALTER TABLE people REPLICA IDENTITY FULL",
    "replica identity nothing": "ALTER TABLE people REPLICA IDENTITY NOTHING",
    "replica identity by index": "ALTER TABLE people ALTER number SET NOT NULL;"
    " CREATE UNIQUE INDEX u ON people (number);"
    " ALTER TABLE people REPLICA IDENTITY USING INDEX u",
    "comments": "COMMENT ON TABLE people IS E'it''s\\n\\\\ $$ %s people'; COMMENT ON COLUMN people.born IS 'year'",
    "extended statistics": "CREATE SCHEMA st; CREATE STATISTICS a (ndistinct, mcv) ON born, number FROM people;"
    ' CREATE STATISTICS st."B FROM c" ON (number % 7), born FROM people; CREATE STATISTICS e ON (lower(name)) FROM'
    " people; ALTER STATISTICS a SET STATISTICS 300; COMMENT ON STATISTICS a IS 'why';"
    " ALTER STATISTICS e OWNER TO {role}",
    "storage parameters": "ALTER TABLE people SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01,"
    " toast.autovacuum_enabled = off)",
    "settings of columns": "ALTER TABLE people ALTER born SET STATISTICS 900, ALTER number SET (n_distinct = -0.5),"
    " ALTER doc SET STORAGE EXTERNAL, ALTER name SET COMPRESSION pglz",
    "a collation": 'ALTER TABLE people ALTER name TYPE text COLLATE "C"',
    "an unlogged table": "ALTER TABLE people SET UNLOGGED",
    "a publication": "CREATE PUBLICATION bi FOR TABLE people (id, born) WHERE (born > '1980-01-01')"
    " WITH (publish = 'insert')",
    "publications": "CREATE PUBLICATION bi FOR TABLE people; CREATE PUBLICATION a FOR TABLES IN SCHEMA public;"
    " CREATE PUBLICATION everything FOR ALL TABLES",
    "a partition": "CREATE TABLE all_people (LIKE people) PARTITION BY RANGE (number);"
    " CREATE INDEX ON all_people (born); CREATE TABLE rest PARTITION OF all_people DEFAULT;"
    " ALTER TABLE all_people ATTACH PARTITION people FOR VALUES FROM (0) TO (1000)",
    "a default partition with the parent's key": "CREATE TABLE all_people (LIKE people, PRIMARY KEY (id)) PARTITION BY"
    " HASH (id); ALTER TABLE all_people ATTACH PARTITION people FOR VALUES WITH (MODULUS 1, REMAINDER 0);"
    " COMMENT ON TABLE all_people IS 'x'",
    "inheritance": "CREATE TABLE first (name text); CREATE TABLE second (number int);"
    " ALTER TABLE people INHERIT second; ALTER TABLE people INHERIT first",
}

# What is said of each.
REFUSED = {
    "a trigger": (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER "
        "t BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION f()",
        "trigger t",
    ),
    "row security": (
        "ALTER TABLE people ENABLE ROW LEVEL SECURITY",
        "row security",
    ),
    "row security that is forced": (
        "ALTER TABLE people FORCE ROW LEVEL SECURITY",
        "row security",
    ),
    "a policy of row security": (
        "CREATE POLICY own ON people USING (true)",
        "row security policy own",
    ),
    "a rule": (
        "CREATE RULE quiet AS ON DELETE TO people DO INSTEAD NOTHING",
        "rule quiet",
    ),
    "a rule on a view": (
        "CREATE VIEW v AS SELECT id FROM people; CREATE RULE quiet AS ON DELETE TO v DO INSTEAD NOTHING",
        "rule quiet",
    ),
    "a materialised view": (
        "CREATE MATERIALIZED VIEW kept AS SELECT * FROM people",
        "materialised view public.kept",
    ),
    "a materialised view upon a view": (
        "CREATE VIEW v AS SELECT id FROM people; CREATE MATERIALIZED VIEW kept AS SELECT * FROM v",
        "materialised view public.kept",
    ),
    "a check": (
        "ALTER TABLE people ADD CONSTRAINT positive CHECK (number >= 0)",
        "constraint positive",
    ),
    "a unique constraint": (
        "ALTER TABLE people ADD CONSTRAINT once UNIQUE (number)",
        "constraint once",
    ),
    "an exclusion": (
        "ALTER TABLE people ADD CONSTRAINT apart EXCLUDE USING btree (number WITH =)",
        "constraint apart",
    ),
    "a foreign key to it": (
        "CREATE TABLE refers (person uuid REFERENCES people)",
        "foreign key refers_person_fkey",
    ),
    "a foreign key of its own": (
        "CREATE TABLE n (number int PRIMARY KEY); INSERT INTO n SELECT number FROM people; ALTER TABLE "
        "people ADD CONSTRAINT known FOREIGN KEY (number) REFERENCES n",
        "constraint known",
    ),
    "a function in SQL": (
        "CREATE FUNCTION n() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM people; END",
        "function public.n()",
    ),
    "a function upon a view": (
        "CREATE VIEW v AS SELECT id FROM people; CREATE FUNCTION n() RETURNS bigint BEGIN ATOMIC SELECT "
        "count(*) FROM v; END",
        "function public.n()",
    ),
    "a function that takes its rows": (
        "CREATE FUNCTION f(people) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "function public.f(public.people)",
    ),
    "a column of its type": (
        "CREATE TABLE copies (person people)",
        "column person of table public.copies",
    ),
    "a column of an array of its type": (
        "CREATE TABLE copies (person people[])",
        "column person of table public.copies",
    ),
    "a child": (
        "CREATE TABLE child () INHERITS (people)",
        "child public.child",
    ),
    "an identity column": (
        "ALTER TABLE people ALTER number SET NOT NULL, ALTER number ADD GENERATED ALWAYS AS IDENTITY",
        "column number",
    ),
    "a generated column": (
        "ALTER TABLE people ADD twice int GENERATED ALWAYS AS (number * 2) STORED",
        "column twice",
    ),
    "a column of somebody's own": (
        "ALTER TABLE people ADD remark text",
        "column remark",
    ),
    "a tie to an extension": (
        "ALTER EXTENSION plpgsql ADD TABLE people",
        "extension plpgsql",
    ),
    "a primary key of somebody's own": (
        "ALTER TABLE people DROP CONSTRAINT people_pkey; ALTER TABLE people ADD CONSTRAINT pk PRIMARY KEY (number)",
        "primary key pk",
    ),
    "a view that became a trigger's": (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE VIEW v "
        "AS SELECT id FROM people; CREATE TRIGGER t INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION "
        "f()",
        "trigger t",
    ),
    "a table of a type": (
        "CREATE TYPE kind AS (id uuid, name text, born date, doc jsonb, number int); ALTER TABLE people OF kind",
        "setting reloftype",
    ),
    "a domain of its rows": (
        "CREATE DOMAIN d AS people",
        "type public.d",
    ),
}

PREPARE = """
CREATE ROLE {role}; CREATE ROLE {other}; CREATE ROLE {heir};
GRANT ALL ON SCHEMA public TO {role}; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {heir};
"""
CLEAN_UP = "DROP OWNED BY {role}, {other}, {heir} CASCADE; DROP ROLE {role}, {other}, {heir}"

# Written without a look at the code: what the catalogue says, by name.
CATALOGUE = (
    "SELECT pg_describe_object(classoid, objoid, objsubid), description FROM pg_description WHERE objoid >= 16384",
    "SELECT pg_describe_object(classid, objid, objsubid), pg_describe_object(refclassid, refobjid, refobjsubid),"
    " deptype::text FROM pg_depend WHERE objid >= 16384"
    " AND pg_describe_object(classid, objid, objsubid) !~ 'load_ledger|pg_toast|PK_ConstraintTrigger'",
    "SELECT c.relname, relkind::text, relnamespace::regnamespace::text, relowner::regrole::text, relpersistence::text,"
    " c.reloptions, relreplident::text, relispartition, pg_get_expr(relpartbound, c.oid), reltablespace, relam,"
    " (SELECT t.reloptions FROM pg_class t WHERE t.oid = c.reltoastrelid),"
    " ARRAY(SELECT a.grantor::regrole || '>' || a.grantee::regrole || '>' || a.privilege_type || a.is_grantable FROM"
    " aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", relowner))) a"
    " ORDER BY 1)"
    " FROM pg_class c WHERE c.oid >= 16384 AND relnamespace <> 'pg_toast'::regnamespace",
    "SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull, attstattarget, attoptions,"
    " attstorage::text, attcompression::text, attcollation, attacl::text, attidentity::text, attgenerated::text,"
    " attinhcount, pg_get_expr(adbin, adrelid) FROM pg_attribute LEFT JOIN pg_attrdef ON (attrelid, attnum) = (adrelid,"
    " adnum) WHERE attrelid >= 16384 AND NOT attisdropped AND attnum > 0"
    " AND attrelid::regclass::text !~ 'pg_toast'",
    "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisclustered, indisreplident, indisvalid"
    " FROM pg_index WHERE indexrelid >= 16384 AND indexrelid::regclass::text !~ 'pg_toast'",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE oid >= 16384",
    "SELECT oid::regclass::text, pg_get_viewdef(oid) FROM pg_class WHERE relkind = 'v' AND oid >= 16384",
    "SELECT pg_get_statisticsobjdef(oid), stxstattarget, stxowner::regrole::text FROM pg_statistic_ext",
    "SELECT * FROM pg_publication_tables WHERE tablename <> 'load_ledger'",
    "SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits"
    " WHERE NOT EXISTS (SELECT FROM pg_index WHERE indexrelid = inhrelid)",
    "SELECT inhrelid::regclass::text, inhparent::regclass::text, inhseqno FROM pg_inherits",
    "SELECT count(*) FROM people",
)


class Twice:
    """Two processed manifests of one table, and warehouses to load them into one after the other."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.chain = make_chain(server, f"file://{folder}/raw", f"file://{folder}/processed")
        self.chain.execute(self.chain.source, SOURCE)
        self.chain.policies = {"people": {"columns": POLICY}}
        self.first = self.chain.to_processed("2026-11-22")["people"]
        self.second = self.chain.to_processed("2026-11-23")["people"]

    def loaded_once(self) -> Chain:
        """Give the chain with a fresh warehouse that has the first load."""
        self.chain.warehouse = self.chain.environment["BATON_WAREHOUSE_DSN"] = self.server.database()
        names = self.names()
        self.chain.execute(self.chain.warehouse, PREPARE.format(**names))
        assert self.chain.load(self.first) == "loaded"
        return self.chain

    def names(self) -> dict[str, str]:
        """Give names of roles that only this warehouse has; roles belong to the whole server."""
        end = self.chain.warehouse[-12:]
        return {"role": f"role_{end}", "other": f"other_{end}", "heir": f"heir_{end}", "space": "elsewhere"}


def catalogue(chain: Chain) -> list[Any]:
    """Give what the catalogue says of everything that a user made, sorted."""
    return [sorted(chain.query(chain.warehouse, query), key=repr) for query in CATALOGUE]


@pytest.fixture(scope="module")
def twice(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Twice:
    """One table, exported and transformed twice."""
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        connection.execute("CREATE TABLESPACE elsewhere LOCATION ''")
    return Twice(server, tmp_path_factory.mktemp("twice"))


@pytest.mark.parametrize("case", GIVEN_BACK)
def test_what_was_attached_is_given_back(twice: Twice, case: str) -> None:
    """The catalogue says the same after the next load, and the parent of a partition has its rows."""
    chain = twice.loaded_once()
    try:
        chain.execute(chain.warehouse, GIVEN_BACK[case].format(**twice.names()))
        before = catalogue(chain)
        oid = chain.query(chain.warehouse, "SELECT 'people'::regclass::oid")
        assert chain.load(twice.second) == "loaded"
        assert catalogue(chain) == before
        assert chain.query(chain.warehouse, "SELECT 'people'::regclass::oid") != oid
        if "partition" in case:
            assert chain.query(chain.warehouse, "SELECT count(*) FROM all_people") == [(50,)]
    finally:
        chain.execute(chain.warehouse, CLEAN_UP.format(**twice.names()))


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_given_back_is_refused_by_name(twice: Twice, case: str) -> None:
    """Nothing is changed, not even a row is read, and the message names what is in the way."""
    statement, named = REFUSED[case]
    chain = twice.loaded_once()
    chain.execute(chain.warehouse, statement.format(**twice.names()))
    before = catalogue(chain)
    outcome = chain.run("load", "--manifest", twice.second)
    assert (outcome.code, named in outcome.error) == (65, True), outcome.stderr
    assert "drop it" in outcome.error
    assert catalogue(chain) == before


TARGETS = {
    "view": "DROP TABLE people; CREATE VIEW people AS SELECT 1 AS id",
    "materialised view": "DROP TABLE people; CREATE MATERIALIZED VIEW people AS SELECT 1 AS id",
    "partitioned table": "DROP TABLE people; CREATE TABLE people (id int) PARTITION BY RANGE (id)",
}


@pytest.mark.parametrize("kind", TARGETS)
def test_a_target_that_is_no_table_is_refused(twice: Twice, kind: str) -> None:
    """Its kind is named, instead of a syntax error's number."""
    chain = twice.loaded_once()
    chain.execute(chain.warehouse, TARGETS[kind])
    outcome = chain.run("load", "--manifest", twice.second)
    assert (outcome.code, f"is a {kind}, which no load replaces" in outcome.error) == (65, True), outcome.error


def test_rows_that_no_load_brought_are_not_replaced(twice: Twice) -> None:
    """A wrong address of the warehouse, or a table of somebody's own, costs no rows; an empty table may be prepared."""
    chain = twice.loaded_once()
    chain.execute(chain.warehouse, "DELETE FROM baton.load_ledger")
    outcome = chain.run("load", "--manifest", twice.second)
    assert (outcome.code, "holds rows that no load" in outcome.error) == (65, True), outcome.error
    chain.execute(chain.warehouse, "TRUNCATE people; COMMENT ON TABLE people IS 'prepared'")
    assert chain.load(twice.second) == "loaded"
    assert chain.query(chain.warehouse, "SELECT obj_description('people'::regclass)") == [("prepared",)]


def changed(twice: Twice, **rules: Any) -> str:
    """Give the second manifest as another policy makes it."""
    chain = twice.chain
    chain.policies = {"people": {"columns": POLICY | rules}}
    try:
        raw = chain.export("2026-11-24")["people"]
        return chain.transform(raw)
    finally:
        chain.policies = {"people": {"columns": POLICY}}


def test_a_changed_policy_may_end_columns_and_the_key(twice: Twice) -> None:
    """What goes is said; grants and comments of other columns stay."""
    chain = twice.loaded_once()
    chain.execute(
        chain.warehouse,
        "COMMENT ON COLUMN people.name IS 'gone'; COMMENT ON COLUMN people.doc IS 'stays';"
        " ALTER TABLE people ALTER name SET DEFAULT 'x'; GRANT SELECT (name) ON people TO PUBLIC",
    )
    outcome = chain.run("load", "--accept-key-change", "--manifest", changed(twice, name="drop", id="null"))
    assert outcome.result["outcome"] == "loaded"
    assert "the changed policy ends column name, primary key people_pkey (id)" in outcome.stderr
    stays = "SELECT col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'people'::regclass"
    assert chain.query(chain.warehouse, f"{stays} AND attname = 'doc'") == [("stays",)]


USERS_OF_A_COLUMN = {
    "view public.v": "CREATE VIEW v AS SELECT name FROM people",
    "index public.i": "CREATE INDEX i ON people (lower(name))",
    "statistics object public.s": "CREATE STATISTICS s ON name, number FROM people",
    "publication": "CREATE PUBLICATION p FOR TABLE people (id, name)",
}


@pytest.mark.parametrize("user", USERS_OF_A_COLUMN)
def test_what_uses_a_column_that_a_changed_policy_ends_is_refused_by_name(twice: Twice, user: str) -> None:
    """Before anything is changed, with the column's name."""
    chain = twice.loaded_once()
    chain.execute(chain.warehouse, USERS_OF_A_COLUMN[user])
    before = catalogue(chain)
    outcome = chain.run("load", "--manifest", changed(twice, name="drop"))
    assert outcome.code == 65
    assert user in outcome.error
    assert "which uses column name" in outcome.error
    assert catalogue(chain) == before


def test_a_view_that_does_not_fit_a_changed_policy_is_named(twice: Twice) -> None:
    """A column of another type breaks a view; the old table and the view stay as they were."""
    chain = twice.loaded_once()
    chain.execute(chain.warehouse, "CREATE VIEW doubled AS SELECT number * 2 AS twice FROM people")
    before = catalogue(chain)
    outcome = chain.run("load", "--manifest", changed(twice, number={"rule": "pseudonym", "domain": "number"}))
    assert outcome.code == 65
    assert "view public.doubled cannot be given back" in outcome.error
    assert catalogue(chain) == before


CHANGES = {
    "an index": "CREATE INDEX late ON people (born)",
    "a comment": "COMMENT ON TABLE people IS 'late'",
    "a view": "CREATE VIEW late AS SELECT id FROM people",
    "a grant": "GRANT SELECT ON people TO PUBLIC",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_somebody_attaches_during_a_load_is_not_lost(twice: Twice, monkeypatch: Any, change: str) -> None:
    """The load ends as one that may be tried again, and then gives it back."""
    from baton_workloads.etl.warehouses.postgres import replace

    chain = twice.loaded_once()
    fill = replace.fill

    def fill_and_change(*arguments: Any) -> None:
        fill(*arguments)
        chain.execute(chain.warehouse, CHANGES[change])

    monkeypatch.setattr(replace, "fill", fill_and_change)
    outcome = chain.run("load", "--manifest", twice.second)
    assert (outcome.code, "changed while it was being loaded" in outcome.error) == (75, True), outcome.error
    monkeypatch.undo()
    before = catalogue(chain)
    assert chain.load(twice.second) == "loaded"
    assert catalogue(chain) == before


def test_a_role_that_the_load_cannot_act_as_is_named(twice: Twice) -> None:
    """An owner of a view above the table is beyond a loading role that is not its member."""
    chain = twice.loaded_once()
    names = twice.names()
    loader = names["role"]
    chain.execute(
        chain.warehouse,
        f"ALTER ROLE {loader} LOGIN; GRANT CREATE, TEMP ON DATABASE {chain.warehouse.rsplit('/', 1)[1]} TO {loader};"
        f" ALTER TABLE people OWNER TO {loader}; ALTER SCHEMA baton OWNER TO {loader};"
        f" ALTER TABLE baton.load_ledger OWNER TO {loader}; GRANT SELECT ON people TO {names['other']}",
        "CREATE VIEW v AS SELECT id FROM people",
        f"ALTER VIEW v OWNER TO {names['other']}",
    )
    dsn = chain.warehouse.replace("postgres@", f"{loader}@")
    before = catalogue(chain)
    outcome = chain.run("load", "--manifest", twice.second, BATON_WAREHOUSE_DSN=dsn)
    assert outcome.code == 65
    assert f"granted by {names['other']}" in outcome.error
    assert catalogue(chain) == before
    other = names["other"]
    chain.execute(chain.warehouse, f"GRANT {other} TO {loader}; GRANT CREATE ON SCHEMA public TO {other}")
    before = catalogue(chain)
    assert chain.run("load", "--manifest", twice.second, BATON_WAREHOUSE_DSN=dsn).code == 0
    assert catalogue(chain) == before


def test_a_publication_with_possible_subscribers_is_refused(people_on_own_server: Any, own_server: Server) -> None:
    """New rows would not reach a subscriber, as they were written into another table; who has one must know."""
    people = people_on_own_server
    people.to_warehouse()
    people.execute(people.warehouse, "ALTER SYSTEM SET wal_level = 'logical'")
    own_server.stop()
    own_server.start()
    people.execute(people.warehouse, "CREATE PUBLICATION bi FOR TABLE people")
    processed = people.to_processed("2026-11-23")
    outcome = people.run("load", "--manifest", processed["people"])
    assert (outcome.code, "publication bi (its subscribers" in outcome.error) == (65, True), outcome.error
    assert people.query(people.warehouse, "SELECT tablename FROM pg_publication_tables") == [("people",)]
