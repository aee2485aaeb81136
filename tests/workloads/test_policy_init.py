"""A first policy keeps nothing suspicious, and the chain runs with it."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml

SCHEMA = Path(__file__).parents[2] / "include" / "shop"


def test_a_first_policy_of_the_demo_schema_keeps_nothing_personal(file_chain: Any, tmp_path: Path) -> None:
    """No column whose comment says "Personal" is kept, every column is named, and the chain runs."""
    for name in ("schema.sql", "keys.sql", "comments.sql"):
        file_chain.execute(file_chain.source, (SCHEMA / name).read_text())
    written = file_chain.run("policy", "init", "--source", file_chain.source, "-o", str(tmp_path), "--json").result[
        "files"
    ]
    assert len(written) >= 14
    personal = file_chain.query(
        file_chain.source,
        "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE col_description(c.oid, a.attnum) LIKE 'Personal%'",
    )
    assert len(personal) > 40
    rules = {Path(file).stem: yaml.safe_load(Path(file).read_text())["columns"] for file in written}
    assert [pair for pair in personal if rules[pair[0]][pair[1]] == "keep"] == []
    assert rules["orders"]["customer_id"]["domain"] == rules["customers"]["id"]["domain"]
    assert rules["orders"]["status"] == "keep"
    file_chain.policies = {dataset: {"columns": columns} for dataset, columns in rules.items()}
    assert file_chain.validate(file_chain.to_warehouse()).code == 0


def test_existing_policies_are_never_overwritten(people: Any, tmp_path: Path) -> None:
    """Somebody's decisions are worth more than a first guess."""
    (tmp_path / "visits.yaml").write_text("mine")
    outcome = people.run("policy", "init", "--source", people.source, "-o", str(tmp_path))
    assert (outcome.code, "visits.yaml exists already" in outcome.error) == (78, True)
    assert [path.name for path in tmp_path.glob("*.yaml")] == ["visits.yaml"]


def test_chosen_tables_only(people: Any, tmp_path: Path) -> None:
    """--table narrows it down; a table that is missing is named."""
    words = ["policy", "init", "--source", people.source, "-o", str(tmp_path), "--json", "--table"]
    assert people.run(*words, "nothing").code == 65
    assert len(people.run(*words, "visits").result["files"]) == 1


FOREIGN = """
CREATE SCHEMA sales; CREATE SCHEMA "Archiv";
CREATE TABLE currency (code char(3) PRIMARY KEY, name text);
CREATE TABLE prices (id uuid PRIMARY KEY, currency char(3) REFERENCES currency (code), version int);
CREATE TABLE sales.orders (id bigint PRIMARY KEY, status text, quantity int, currency char(3) REFERENCES currency);
CREATE TABLE "Archiv".orders (id bigint PRIMARY KEY REFERENCES sales.orders, quantity int);
CREATE TABLE "_prisma_migrations" (id varchar(36) PRIMARY KEY, version int);
CREATE TABLE "aufträge" (id bigint PRIMARY KEY, quantity int, "Größe ""x"": y" int);
CREATE TABLE "Order Details" (id int PRIMARY KEY, "no" int, quantity int);
CREATE TABLE "odd.name" (id int PRIMARY KEY, quantity int);
CREATE TABLE secrets (said text, at timestamptz);
CREATE TABLE status (status text PRIMARY KEY, attempts int);
CREATE TABLE uses (id int PRIMARY KEY, status text REFERENCES status, of int REFERENCES uses, version int);
CREATE TABLE measures (at timestamptz PRIMARY KEY, version int);
CREATE TABLE twice (a char(3) REFERENCES currency, id int PRIMARY KEY, version int,
  CONSTRAINT other FOREIGN KEY (id) REFERENCES uses (id));
INSERT INTO currency VALUES ('CZK', 'koruna'); INSERT INTO prices VALUES (gen_random_uuid(), 'CZK', 1);
INSERT INTO sales.orders VALUES (1, 'new', 2, 'CZK'); INSERT INTO "Archiv".orders VALUES (1, 2);
INSERT INTO "aufträge" VALUES (1, 2, 3); INSERT INTO "Order Details" VALUES (1, 2, 3);
"""


@pytest.fixture
def foreign(file_chain: Any) -> Any:
    """A database as others have it."""
    for statement in FOREIGN.split(";\n"):
        file_chain.execute(file_chain.source, statement)
    return file_chain


def test_what_is_written_for_a_foreign_schema_runs(foreign: Any, tmp_path: Path) -> None:
    """Several schemas, odd names, keys called as what is kept: each table has a policy that runs, or a reason."""
    schemas = ["--schema", "public", "--schema", "sales", "--schema", "Archiv"]
    outcome = foreign.run("policy", "init", "--source", foreign.source, "-o", str(tmp_path), "--json", *schemas)
    assert outcome.code == 0, outcome.error
    assert set(outcome.result["left_out"]) == {"public.odd.name", "public.secrets"}
    assert {Path(file).stem for file in outcome.result["files"]} == {
        "archiv_orders", "auftrage", "currency", "measures", "order_details", "prices", "prisma_migrations",
        "sales_orders", "status", "twice", "uses",
    }  # fmt: skip
    rules = {path.stem: yaml.safe_load(path.read_text()) for path in tmp_path.glob("*.yaml")}
    assert rules["prices"]["columns"]["currency"] == rules["currency"]["columns"]["code"]
    assert rules["sales_orders"]["columns"]["currency"] == rules["currency"]["columns"]["code"]
    assert rules["archiv_orders"]["columns"]["id"] == rules["sales_orders"]["columns"]["id"]
    assert rules["uses"]["columns"]["status"] == rules["status"]["columns"]["status"]

    foreign.policies = rules

    assert foreign.validate(foreign.to_warehouse()).code == 0
    assert foreign.query(foreign.warehouse, "SELECT quantity FROM auftrage") == [(2,)]


def test_it_ends_with_what_to_do_next(foreign: Any, tmp_path: Path) -> None:
    """What was left out and why, and the command that runs the chain with the files."""
    outcome = foreign.run("policy", "init", "--source", foreign.source, "-o", str(tmp_path / "mine"))
    assert "Left out: public.secrets: no column is known to be harmless" in outcome.stdout
    assert outcome.stdout.endswith(f"./baton demo --source … --policies {tmp_path / 'mine'}\n")


# Table, column, type, rule: by type, names and what else the table holds.
JUDGED = [
    ("products", "unit_price numeric(12,2)", "keep"), ("products", "UnitsInStock int", "keep"),
    ("tracks", "milliseconds int", "keep"), ("film", "length smallint", "keep"), ("film", "rental_rate real", "keep"),
    ("film", "release_year int", "keep"), ("film", "last_update timestamptz", "generalise_date"),
    ("film", "special_features text[]", "drop"), ("film", "description text", "drop"),
    ("country", "country text", "keep"), ("country", "language_code char(2)", "keep"),
    ("orders", "total numeric", "keep"), ("orders", "freight numeric", "keep"), ("orders", "status process", "keep"),
    ("orders", "shipped_at timestamptz", "generalise_date"), ("orders", "paid boolean", "keep"),
    ("orders", "order_date date", "generalise_date"), ("orders", "ship_city text", "drop"),
    ("orders", "ship_country text", "drop"), ("orders", "comment text", "drop"),
    ("orders", "payer_email text", "drop"),
    ("orders", "customer_age int", "drop"), ("orders", "credit_rate numeric", "drop"),
    ("addresses", "unit text", "drop"), ("addresses", "state us_state", "drop"),
    ("addresses", "status marital", "drop"),
    ("places", "unit text", "drop"), ("places", "state us_state", "drop"), ("places", "status marital", "drop"),
    ("places", "kind marital", "drop"), ("places", "mode plain", "drop"), ("places", "size int", "keep"),
    ("employees", "level int", "drop"), ("employees", "rate numeric", "drop"), ("employees", "is_active bool", "keep"),
    ("employees", "status process", "drop"), ("employees", "updated_at date", "drop"),
    ("staffing", "size int", "keep"), ("travel", "first_name text", "drop"), ("travel", "amount numeric", "drop"),
    ("measured", "height int", "drop"), ("measured", "birth_weight int", "drop"),
    ("payroll", "amount numeric", "drop"), ("diagnoses", "severity process", "drop"), ("loans", "rate numeric", "drop"),
    ("mails", "is_secret bool", "drop"), ("mails", "has_consent bool", "drop"), ("mails", "priority int", "keep"),
]  # fmt: skip
TYPES = """
CREATE TYPE process AS ENUM ('new', 'paid', 'shipped');
CREATE TYPE us_state AS ENUM ('CA', 'NY');
CREATE TYPE marital AS ENUM ('a', 'b');
CREATE TYPE plain AS ENUM ('single', 'other')
"""


def test_what_a_first_policy_keeps(file_chain: Any, tmp_path: Path) -> None:
    """Amounts, measures, states and codes stay, times are coarse; nothing of a table about persons, nothing unknown.

    Each column that is dropped has a comment with its type, why, and what would fit.
    """
    tables: dict[str, list[str]] = {}
    for table, column, _ in JUDGED:
        tables.setdefault(table, []).append(column)
    quoted = {t: ", ".join(f'"{c.split()[0]}" {" ".join(c.split()[1:])}' for c in cs) for t, cs in tables.items()}
    file_chain.execute(
        file_chain.source, TYPES, *(f"CREATE TABLE {t} (id int PRIMARY KEY, {cs})" for t, cs in quoted.items())
    )
    outcome = file_chain.run("policy", "init", "--source", file_chain.source, "-o", str(tmp_path), "--json")
    assert outcome.code == 0, outcome.stderr
    rules = {}
    for file in tmp_path.glob("*.yaml"):
        for line in file.read_text().splitlines():
            if line.endswith("would fit") or "  # " in line:
                assert len(line.split("  # ")[1].split(": ", 1)[1]) > 2, line
        columns = yaml.safe_load(file.read_text())["columns"]
        rules |= {(file.stem, name): rule if isinstance(rule, str) else rule["rule"] for name, rule in columns.items()}
    wrong = [(t, c, rules[t, c.split()[0]], r) for t, c, r in JUDGED if rules[t, c.split()[0]] != r]
    assert wrong == []


def test_a_table_that_an_export_would_refuse_is_left_out_by_name(file_chain: Any, tmp_path: Path) -> None:
    """Columns that differ in case, foreign tables below it: the others have their files."""
    file_chain.execute(
        file_chain.source,
        'CREATE TABLE twins (id int PRIMARY KEY, "currency" text, "Currency" text)',
        "CREATE TABLE parts (id int) PARTITION BY RANGE (id)",
        "CREATE FOREIGN DATA WRAPPER nothing",
        "CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing",
        "CREATE FOREIGN TABLE far PARTITION OF parts FOR VALUES FROM (1) TO (2) SERVER elsewhere",
        "CREATE TABLE fine (id int PRIMARY KEY, price int)",
    )
    made = file_chain.run("policy", "init", "--source", file_chain.source, "-o", str(tmp_path), "--json").result
    assert [Path(file).stem for file in made["files"]] == ["fine"]
    assert "includes the foreign table public.far" in made["left_out"]["public.parts"]
    assert "differ in letter case only" in made["left_out"]["public.twins"]


ODD = ["a b", "ä", "x:y", "- x", "#", "'", '"', "\\", "null", "~", "1e3", "0x1", "{a: b}", "a\nb", "a\tb", "\x85",
       "\u2028",       "%s", "{{ x }}", "on", "😀", "&a", "*a", "!!int", "? x", "@", "`", "x #y", "\x7f"]  # fmt: skip


def test_any_name_of_a_column_or_type_is_written_as_it_is(file_chain: Any, tmp_path: Path) -> None:
    """Names with breaks of lines, signs of YAML and of templates."""
    names = ['"' + name.replace('"', '""') + '"' for name in ODD]
    columns = ", ".join(f"{name} int" for name in names)
    file_chain.execute(
        file_chain.source,
        "CREATE TYPE \"odd\n: 'type\" AS ENUM ('a')",
        f'CREATE TABLE things (id int PRIMARY KEY, state "odd\n: \'type", {columns})',
    )
    made = file_chain.run("policy", "init", "--source", file_chain.source, "-o", str(tmp_path), "--json").result
    [file] = made["files"]
    assert set(yaml.safe_load(Path(file).read_text())["columns"]) == {"id", "state", *ODD}
    assert file_chain.run("export", "--run-key", "d", "--policies", str(tmp_path)).code == 0


def test_four_hundred_tables(file_chain: Any, tmp_path: Path) -> None:
    """Each has a file, and the policies of all of them reach a process by its environment."""
    columns = ", ".join(f"column_{number} text" for number in range(12))
    file_chain.execute(
        file_chain.source,
        f"DO $$ BEGIN FOR i IN 1..400 LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, {columns})', i);"
        " END LOOP; END $$",
    )
    made = file_chain.run("policy", "init", "--source", file_chain.source, "-o", str(tmp_path), "--json").result
    assert len(made["files"]) == 400
    policies = {file.stem: yaml.safe_load(file.read_text()) for file in tmp_path.glob("*.yaml")}
    packed = base64.b64encode(zlib.compress(json.dumps(policies).encode())).decode()
    process = file_chain.spawn("transform", "--manifest", "file:///none", BATON_POLICIES=f"zlib:{packed}")
    _, said = process.communicate(timeout=60)
    assert "file:///none" in said.splitlines()[-1]
