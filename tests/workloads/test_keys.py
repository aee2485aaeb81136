"""Every key of the source counts: for first policies, for the guard of joins, and for the checks of the warehouse."""

from pathlib import Path
from typing import Any

import pytest
import yaml

PARENT = "CREATE TABLE parent (id bigint PRIMARY KEY, v text); INSERT INTO parent SELECT i FROM generate_series(1, 9) i"
CHILD = "CREATE TABLE child (id bigint PRIMARY KEY, parent_id bigint)"
KEY = "FOREIGN KEY (parent_id) REFERENCES parent"
ROWS = "INSERT INTO child SELECT i, i FROM generate_series(1, 9) i"
PARTS = (
    "CREATE TABLE child (id bigint, parent_id bigint) PARTITION BY RANGE (id)",
    "CREATE TABLE child_1 PARTITION OF child FOR VALUES FROM (0) TO (5)",
    "CREATE TABLE child_2 PARTITION OF child FOR VALUES FROM (5) TO (10)",
)

# How a source may declare that child.parent_id is a parent's id; the second says whether it holds for every row.
DECLARED = {
    "plain": ([PARENT, CHILD, f"ALTER TABLE child ADD {KEY}", ROWS], True),
    "deferrable": ([PARENT, CHILD, f"ALTER TABLE child ADD {KEY} DEFERRABLE INITIALLY DEFERRED", ROWS], True),
    "not validated": ([PARENT, CHILD, ROWS, f"ALTER TABLE child ADD {KEY} NOT VALID"], False),
    "deferrable parent": (
        [
            "CREATE TABLE parent (id bigint PRIMARY KEY DEFERRABLE, v text)",
            "ALTER TABLE parent ADD CONSTRAINT also UNIQUE (id)",
            "INSERT INTO parent SELECT i FROM generate_series(1, 9) i",
            CHILD,
            f"ALTER TABLE child ADD {KEY} (id)",
            ROWS,
        ],
        True,
    ),
    "on the partitioned table": ([PARENT, *PARTS, f"ALTER TABLE child ADD {KEY}", ROWS], True),
    "on every partition": (
        [PARENT, *PARTS, f"ALTER TABLE child_1 ADD {KEY}", f"ALTER TABLE child_2 ADD {KEY} DEFERRABLE", ROWS],
        True,
    ),
    "on one partition": ([PARENT, *PARTS, f"ALTER TABLE child_2 ADD {KEY}", ROWS], False),
    "on a table with an heir": (
        [PARENT, CHILD, f"ALTER TABLE child ADD {KEY}", "CREATE TABLE heir () INHERITS (child)", ROWS],
        False,
    ),
    "on an heir": (
        [PARENT, CHILD, "CREATE TABLE heir () INHERITS (child)", f"ALTER TABLE heir ADD {KEY}", ROWS],
        False,
    ),
    "to a partition": (
        [
            "CREATE TABLE parent (id bigint, v text) PARTITION BY RANGE (id)",
            "CREATE TABLE parent_1 (id bigint PRIMARY KEY, v text)",
            "ALTER TABLE parent ATTACH PARTITION parent_1 FOR VALUES FROM (0) TO (100)",
            "INSERT INTO parent SELECT i FROM generate_series(1, 9) i",
            CHILD,
            "ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES parent_1",
            ROWS,
        ],
        True,
    ),
}  # fmt: skip
PSEUDONYM = {"rule": "pseudonym", "domain": "parent"}


@pytest.mark.parametrize(("statements", "enforced"), DECLARED.values(), ids=DECLARED.keys())
def test_a_reference_counts_however_it_is_declared(
    file_chain: Any, tmp_path: Path, statements: list[str], enforced: bool
) -> None:
    """A first policy gives both ends one domain, the guard lets nobody tear them apart, what holds is checked."""
    file_chain.execute(file_chain.source, *statements)
    file_chain.run("policy", "init", "--source", file_chain.source, "--table", "parent", "--table", "child", "-o",
                   str(tmp_path))  # fmt: skip
    rules = {name: yaml.safe_load((tmp_path / f"{name}.yaml").read_text())["columns"] for name in ("parent", "child")}
    assert rules["child"]["parent_id"] == rules["parent"]["id"] == {"rule": "pseudonym", "domain": "parent.id"}

    file_chain.policies = {
        "parent": {"columns": {"id": PSEUDONYM, "v": "drop"}},
        "child": {"columns": {"id": "keep", "parent_id": "keep"}},
    }
    outcome = file_chain.run("export", "--run-key", "d")
    assert (outcome.code, "child.parent_id references parent.id" in outcome.error) == (65, True), outcome.stderr

    file_chain.policies["child"]["columns"]["parent_id"] = PSEUDONYM
    checked = file_chain.validate(file_chain.to_warehouse()).result["datasets"]["child"]["checks"]
    assert ("(parent_id) joins parent (id)" in checked) == enforced


def test_a_key_of_single_parts_is_no_key_of_the_whole(file_chain: Any) -> None:
    """Rows of two partitions, or of a table and its heir, may have equal keys; they all arrive."""
    file_chain.execute(
        file_chain.source,
        "CREATE TABLE parts (id int, day int) PARTITION BY LIST (day)",
        "CREATE TABLE parts_1 PARTITION OF parts (PRIMARY KEY (id)) FOR VALUES IN (1)",
        "CREATE TABLE parts_2 PARTITION OF parts (PRIMARY KEY (id)) FOR VALUES IN (2)",
        "INSERT INTO parts VALUES (7, 1), (7, 2)",
        "CREATE TABLE elders (id int PRIMARY KEY, day int)",
        "CREATE TABLE heirs (PRIMARY KEY (id)) INHERITS (elders)",
        "INSERT INTO elders VALUES (7, 1); INSERT INTO heirs VALUES (7, 2)",
    )
    columns = {"id": {"rule": "pseudonym", "domain": "x"}, "day": "keep"}
    file_chain.policies = {"parts": {"columns": columns}, "elders": {"columns": columns}}
    assert file_chain.validate(file_chain.to_warehouse()).code == 0
    assert file_chain.query(file_chain.warehouse, "SELECT day FROM parts ORDER BY 1") == [(1,), (2,)]
    assert file_chain.query(file_chain.warehouse, "SELECT day FROM elders ORDER BY 1") == [(1,), (2,)]


def test_a_deferrable_primary_key_is_one(file_chain: Any) -> None:
    """A snapshot shows ends of transactions only, so the warehouse gets the key as well."""
    file_chain.execute(
        file_chain.source,
        "CREATE TABLE things (id int PRIMARY KEY DEFERRABLE, code int UNIQUE DEFERRABLE INITIALLY DEFERRED)",
        "INSERT INTO things VALUES (1, 1)",
    )
    file_chain.policies = {"things": {"columns": {"id": "keep", "code": "keep"}}}
    checked = file_chain.validate(file_chain.to_warehouse()).result["datasets"]["things"]["checks"]
    assert {"key (id) is unique", "key (code) is unique"} <= set(checked)
    primary = "SELECT count(*) FROM pg_index WHERE indrelid = 'things'::regclass AND indisprimary"
    assert file_chain.query(file_chain.warehouse, primary) == [(1,)]
