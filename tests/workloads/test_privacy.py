"""A personal value is in no output, whatever goes well or wrong."""

from pathlib import Path
from typing import Any

import pytest

CANARY = "Zzyzx-Canary"
PLANT = f"""
UPDATE people SET name = '{CANARY}', email = '{CANARY}@example.com', phone = '{CANARY} +49 151 2345678',
       tags = ARRAY['{CANARY}'], doc = '{{"a": "{CANARY}"}}' WHERE id = 3;
UPDATE visits SET note = '{CANARY}' WHERE number = 3;
"""  # noqa: S608


def outputs(chain: Any, *outcomes: Any) -> str:
    """Give everything that a person or a log could see of the stages."""
    manifests = Path(chain.environment["BATON_RAW_URI"].removeprefix("file://")).parent.rglob("manifest.json")
    return "".join([*(o.stdout + o.stderr for o in outcomes), *(path.read_text() for path in manifests)])


def test_a_canary_is_in_no_output_of_a_run(people: Any, tmp_path: Path) -> None:
    """Neither stdout, stderr, return.json nor a manifest holds it; the warehouse only where the policy keeps it."""
    people.execute(people.source, PLANT)
    people.environment["LOCAL_KUBERNETES_MOUNT_AIRFLOW_XCOM"] = str(tmp_path)
    returned = []
    outcomes = [people.run("export", "--run-key", "d")]
    processed = {}
    for dataset, raw in outcomes[0].result["manifests"].items():
        outcomes.append(people.run("transform", "--manifest", raw))
        processed[dataset] = outcomes[-1].result["manifest"]
        outcomes.append(people.run("load", "--manifest", processed[dataset]))
        returned.append((tmp_path / "return.json").read_text())
    outcomes.append(people.validate(processed))
    assert outcomes[-1].code == 0
    assert CANARY not in outputs(people, *outcomes) + "".join(returned)
    rows = people.query(people.warehouse, "SELECT p::text FROM people p WHERE p::text LIKE '%anary%'")
    kept = people.query(people.warehouse, "SELECT count(*) FROM people WHERE tags::text || doc::text LIKE '%anary%'")
    assert len(rows) == kept[0][0] == 1
    assert "@example" not in rows[0][0]


FAILURES = {
    "a value too large to round": (
        "UPDATE people SET salary = 9999999999.99 WHERE id = 3",
        {"salary": {"rule": "generalise_number", "step": 1000}},
    ),
    "a key that is doubled": (
        "ALTER TABLE people DROP CONSTRAINT people_pkey CASCADE; INSERT INTO people (id, code, email) SELECT id,"
        " gen_random_uuid(), email FROM people WHERE id = 3; CREATE UNIQUE INDEX ON people (code)", {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILURES)
def test_a_canary_is_in_no_error(people: Any, case: str) -> None:
    """Engine and database quote values in their errors; ours do not."""
    statement, rules = FAILURES[case]
    people.execute(people.source, PLANT, statement)
    people.policies["people"]["columns"] |= rules
    outcomes = [people.run("export", "--run-key", "d")]
    for raw in outcomes[0].result["manifests"].values():
        outcomes.append(people.run("transform", "--manifest", raw))
        if outcomes[-1].code == 0:
            outcomes.append(people.run("load", "--manifest", outcomes[-1].result["manifest"]))
    seen = outputs(people, *outcomes)
    assert CANARY not in seen
    assert "9999999999" not in seen


def test_a_unique_index_of_the_warehouse_is_violated_without_a_value_in_the_error(people: Any) -> None:
    """PostgreSQL's detail names the doubled value; the error names the index."""
    people.to_warehouse()
    people.execute(people.warehouse, "CREATE UNIQUE INDEX one_each ON people (email) WHERE salary < 0")
    people.execute(people.source, "UPDATE people SET salary = -100")
    processed = people.to_processed("e")
    outcome = people.run("load", "--manifest", processed["people"])
    assert outcome.code == 65
    assert "UniqueViolation" in outcome.error
    assert "@" not in outcome.error


def test_no_secret_is_in_an_error(people: Any) -> None:
    """Passwords and keys are not quoted when a connection fails."""
    dsn = "postgresql://somebody:s3cr3t@127.0.0.1:1/x"
    outcome = people.run("export", "--run-key", "d", BATON_SOURCE_DSN=dsn)
    assert outcome.code == 75
    assert "s3cr3t" not in outcome.stderr
