"""Names that the engine would confuse are carried exactly, or refused before anything is exported."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton_workloads.etl.column_names import collisions

# What the stages and the engine call things of their own; a user's column may have the same name.
OURS = ["filename", "file_index", "rowid", "row_number", "text_0", "nothing", "raw", "hashes", "prepared 0",
        "prepared 4", "prepared 4'", "Prepared 5", "value", "found_0", "masked_0", "x_1", "X_2",
        "\u00c4", "\u00e4", "stage", "a.b", 'a"b', "two words", "select"]  # fmt: skip


def raw_files(chain: Any) -> list[Path]:
    """Give what was exported."""
    return list(Path(chain.environment["BATON_RAW_URI"].removeprefix("file://")).rglob("*"))


def things(chain: Any, columns: dict[str, Any]) -> None:
    """Make a table with a column of texts for each name, each with its own value, and a policy for it."""
    quoted = ['"' + name.replace('"', '""') + '"' for name in columns]
    chain.execute(
        chain.source,
        f"CREATE TABLE things ({', '.join(f'{name} text' for name in quoted)})",
        f"INSERT INTO things VALUES ({', '.join(f'$${n}@{n}.de$$' for n in range(len(quoted)))})",  # noqa: S608
    )
    chain.policies = {"things": {"columns": columns}}


@pytest.mark.parametrize("rule", ["keep", "mask_email", {"rule": "pseudonym", "domain": "x"}], ids=str)
def test_names_of_the_engine_s_own_are_carried_exactly(file_chain: Any, rule: Any) -> None:
    """Each column has its own value, whatever its name and its rule."""
    file_chain.environment["BATON_RAW_URI"] += "/stage=raw"  # the engine would read that as a column's value
    things(file_chain, dict.fromkeys(OURS, rule))
    assert file_chain.validate(file_chain.to_warehouse()).code == 0
    arrived = file_chain.query(file_chain.warehouse, "SELECT * FROM things")[0]
    if rule == "keep":
        assert arrived == tuple(f"{n}@{n}.de" for n in range(len(OURS)))
    elif rule == "mask_email":
        assert arrived == tuple(f"{str(n)[0]}***@***.de" for n in range(len(OURS)))
    else:
        assert len(set(arrived)) == len(OURS)


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ({"email": "mask_email", "Email": "keep"}, "columns email and Email"),
        ({"Id": "keep", "id": "keep", "ID": "drop"}, "columns Id and id"),
        ({"\u00c9A": "keep", "\u00c9a": "keep"}, "columns \u00c9A and \u00c9a"),
        ({"email": "mask_email", "Email": {"rule": "fixed", "value": "x"}}, "columns email and Email"),
        ({"file_row_number": "keep"}, "column file_row_number"),
        ({"FILE_ROW_NUMBER": "mask_email"}, "column FILE_ROW_NUMBER"),
    ],
)
def test_columns_that_the_engine_confuses_are_refused_by_both_names(
    file_chain: Any, columns: dict[str, Any], names: str
) -> None:
    """One column's rule is never applied to another one's values; nothing leaves the source."""
    things(file_chain, columns)
    outcome = file_chain.run("export", "--run-key", "d")
    assert (outcome.code, names in outcome.error) == (65, True), outcome.stderr
    assert raw_files(file_chain) == []


@pytest.mark.parametrize("rule", ["drop", "null"])
def test_a_column_that_is_not_read_confuses_nothing(file_chain: Any, rule: str) -> None:
    """Which of two columns is meant is clear when only one of them travels."""
    things(file_chain, {"email": "mask_email", "Email": rule, "file_row_number": "drop"})
    assert file_chain.validate(file_chain.to_warehouse()).code == 0
    assert file_chain.query(file_chain.warehouse, "SELECT email FROM things") == [("0***@***.de",)]


def test_tables_that_differ_in_case_are_two_tables(file_chain: Any, tmp_path: Path) -> None:
    """Sources and targets are PostgreSQL's names; first policies need names of their own."""
    file_chain.execute(
        file_chain.source,
        "CREATE TABLE things (id int PRIMARY KEY); INSERT INTO things VALUES (1)",
        'CREATE TABLE "Things" (id int PRIMARY KEY); INSERT INTO "Things" VALUES (2)',
    )
    keep = {"id": "keep"}
    file_chain.policies = {
        "a": {"source": "public.things", "target": "public.things", "columns": keep},
        "b": {"source": "public.Things", "target": "public.Things", "columns": keep},
    }
    assert file_chain.validate(file_chain.to_warehouse()).code == 0
    both = 'SELECT (SELECT id FROM things), (SELECT id FROM "Things")'
    assert file_chain.query(file_chain.warehouse, both) == [(1, 2)]
    assert file_chain.run("policy", "init", "--source", file_chain.source, "-o", str(tmp_path)).code == 0
    sources = [
        file.read_text().partition("source: ")[2].splitlines()[0].strip(chr(34))
        for file in sorted(tmp_path.glob("*.yaml"))
    ]
    assert sorted(sources) == ["public.Things", "public.things"]


def test_two_datasets_never_share_a_target(people: Any) -> None:
    """The second load would silently replace the first."""
    people.policies["visits"]["target"] = "public.people"
    outcome = people.run("export", "--run-key", "d")
    assert (outcome.code, "people and visits have the same target public.people" in outcome.error) == (65, True)


@settings(deadline=None)
@given(st.lists(st.text(alphabet="aAbB\u00e4\u00c4", min_size=1, max_size=3), unique=True, max_size=6))
def test_names_collide_exactly_when_the_engine_confuses_them(names: list[str]) -> None:
    """The engine itself is the reference: it renames a column whose name it knows already."""
    import duckdb

    columns = ", ".join(f'1 AS "{name}"' for name in names) or "1 AS a"
    with duckdb.connect() as engine:
        made = engine.execute(f"FROM (SELECT {columns})").to_arrow_table().column_names
    assert (made == (names or ["a"])) == (collisions(names) == [])
