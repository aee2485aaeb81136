"""A first policy keeps nothing suspicious, and the chain runs with it."""

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
