"""A first policy keeps nothing suspicious, and the chain runs with it."""

from pathlib import Path
from typing import Any

import yaml

SCHEMA = Path(__file__).parents[2] / "include" / "shop"


def test_a_first_policy_of_the_demo_schema_keeps_nothing_personal(file_chain: Any, tmp_path: Path) -> None:
    """No column whose comment says "Personal" is kept, every column is named, and the chain runs."""
    for name in ("schema.sql", "keys.sql", "comments.sql"):
        file_chain.execute(file_chain.source, (SCHEMA / name).read_text())
    written = file_chain.run("policy", "init", "--source", file_chain.source, "-o", str(tmp_path)).result["files"]
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
    file_chain.policies = {
        dataset: {"columns": columns} for dataset, columns in rules.items() if dataset != "sync_watermarks"
    }
    assert file_chain.validate(file_chain.to_warehouse()).code == 0


def test_existing_policies_are_never_overwritten(people: Any, tmp_path: Path) -> None:
    """Somebody's decisions are worth more than a first guess."""
    (tmp_path / "visits.yaml").write_text("mine")
    outcome = people.run("policy", "init", "--source", people.source, "-o", str(tmp_path))
    assert (outcome.code, "visits.yaml exists already" in outcome.error) == (78, True)
    assert [path.name for path in tmp_path.glob("*.yaml")] == ["visits.yaml"]


def test_chosen_tables_only(people: Any, tmp_path: Path) -> None:
    """--table narrows it down; a table that is missing is named."""
    words = ["policy", "init", "--source", people.source, "-o", str(tmp_path), "--table"]
    assert people.run(*words, "nothing").code == 65
    assert len(people.run(*words, "visits").result["files"]) == 1
