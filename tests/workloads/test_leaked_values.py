"""An original that a rule hides in its own column is found where it stands as well, and never shown."""

from typing import Any

import pytest

SOURCE = """
CREATE TABLE people (id bigint PRIMARY KEY, mail text, phone text, code text, token uuid, number bigint, status text,
    login text, doc jsonb, raw json, labels text[], note text, page text, address inet, twin uuid);
INSERT INTO people SELECT i, 'Person.' || i || '@Example.com', '+49 151 ' || (1000000 + i), 'C/2024/' || (1000 + i),
    md5(i::text)::uuid, 100000000000 + i, 'unknown', 'login' || i, jsonb_build_object('n', i),
    json_build_object('n', i),
    ARRAY['a', 'b c'], 'note no ' || i, '<p>text</p>', '10.0.0.1', md5('x' || i::text)::uuid
  FROM generate_series(1, 300) i;
CREATE TABLE visits (number int PRIMARY KEY, remark text);
INSERT INTO visits SELECT i, 'visit ' || i FROM generate_series(1, 300) i;
"""
COLUMNS: dict[str, Any] = {
    "id": {"rule": "pseudonym", "domain": "person"},
    "mail": "mask_email",
    "phone": "mask_phone",
    "code": {"rule": "pseudonym", "domain": "code"},
    "token": {"rule": "pseudonym", "domain": "token"},
    "number": {"rule": "pseudonym", "domain": "number"},
    "status": "mask_phone",
    **dict.fromkeys(("login", "doc", "raw", "labels", "note", "page", "address", "twin"), "keep"),
}

# What is planted in the source, and what is said of it: hidden column, place.
STRAYS = {
    "the same cell": (
        "UPDATE people SET login = mail WHERE id = 7",
        "mail",
        "login",
    ),
    "in another letter case, with blanks": (
        "UPDATE people SET login = ' PERSON.9@example.COM ' WHERE id = 7",
        "mail",
        "login",
    ),
    "in another row": (
        "UPDATE people SET login = 'person.8@example.com' WHERE id = 7",
        "mail",
        "login",
    ),
    "a value of jsonb": (
        "UPDATE people SET doc = jsonb_build_object('a', jsonb_build_array(1, mail)) WHERE id = 7",
        "mail",
        "doc",
    ),
    "a key of jsonb": (
        "UPDATE people SET doc = jsonb_build_object(mail, 1) WHERE id = 7",
        "mail",
        "doc",
    ),
    "free text inside jsonb": (
        "UPDATE people SET doc = jsonb_build_object('a', E'ask\\n' || mail || E'\\tnow') WHERE id = 7",
        "mail",
        "doc",
    ),
    "an escape of json": (
        'UPDATE people SET raw = \'{"a": "\\u0050erson.7\\u0040example.com"}\' WHERE id = 7',
        "mail",
        "raw",
    ),
    "an element of an array": (
        "UPDATE people SET labels = ARRAY['x', mail] WHERE id = 7",
        "mail",
        "labels",
    ),
    "a word of an element": (
        "UPDATE people SET labels = ARRAY['x', 'to ' || mail] WHERE id = 7",
        "mail",
        "labels",
    ),
    "a word of free text": (
        "UPDATE people SET note = 'write to <' || mail || '>.' WHERE id = 7",
        "mail",
        "note",
    ),
    "the end of a sentence": (
        "UPDATE people SET note = 'the address is ' || mail || '.' WHERE id = 7",
        "mail",
        "note",
    ),
    "a link": (
        "UPDATE people SET note = 'https://x.example/?m=' || mail || '&a=1' WHERE id = 7",
        "mail",
        "note",
    ),
    "far inside a long text": (
        "UPDATE people SET note = repeat('many words ', 1800) || mail || repeat(' and more', 5000) WHERE id = 7",
        "mail",
        "note",
    ),
    "markup": (
        "UPDATE people SET page = '<m>' || mail || '</m>' WHERE id = 7",
        "mail",
        "page",
    ),
    "a number, grouped": (
        "UPDATE people SET note = 'call +49 (151) 100-0007, please' WHERE id = 7",
        "phone",
        "note",
    ),
    "a number of json": (
        "UPDATE people SET doc = jsonb_build_object('tel', 491511000007) WHERE id = 7",
        "phone",
        "doc",
    ),
    "several words": (
        "UPDATE people SET note = 'order c/2024/1007 came' WHERE id = 7",
        "code",
        "note",
    ),
    "a uuid in json": (
        "UPDATE people SET doc = jsonb_build_object('t', token) WHERE id = 7",
        "token",
        "doc",
    ),
    "a uuid in a uuid": (
        "UPDATE people SET twin = token WHERE id = 7",
        "token",
        "twin",
    ),
    "a long integer in json": (
        "UPDATE people SET doc = jsonb_build_object('n', number) WHERE id = 7",
        "number",
        "doc",
    ),
    "another dataset": (
        "UPDATE visits SET remark = 'by person.7@example.com' WHERE number = 3",
        "mail",
        "visits.remark",
    ),
}


@pytest.fixture
def kept(file_chain: Any) -> Any:
    """People with columns that are hidden and columns that are kept, and their visits."""
    file_chain.execute(file_chain.source, SOURCE)
    file_chain.policies = {
        "people": {"columns": dict(COLUMNS)},
        "visits": {"columns": {"number": "keep", "remark": "keep"}},
    }
    return file_chain


@pytest.mark.parametrize("case", STRAYS)
def test_an_original_that_stands_elsewhere_fails_the_run_by_its_columns(kept: Any, case: str) -> None:
    """Both columns are named, what to do is said, and the value is not."""
    statement, hidden, place = STRAYS[case]
    kept.execute(kept.source, statement)
    outcome = kept.validate(kept.to_warehouse())
    assert outcome.code == 65
    assert f"1 checks failed: people: no original of {hidden} stands in {place} (1 different ones do" in outcome.error
    assert "may_hold_originals" in outcome.error
    for value in ("erson.", "1000007", "2024", "100000000007", "c4ca"):
        assert value not in outcome.error.lower()


def test_nothing_is_found_where_nothing_is(kept: Any) -> None:
    """Short values, numbers, placeholders and what only looks alike are no alarm, and each check is in the report."""
    kept.execute(
        kept.source,
        "UPDATE people SET login = 'unknown', note = 'unknown status, call 1000007 or 17 or 2024',"
        " mail = CASE WHEN id < 20 THEN 'nobody@example.com' ELSE mail END,"
        " doc = jsonb_build_object('id', id, 'm', 'nobody@example.com')",
        "UPDATE people SET code = 'M' WHERE id = 1",
        "UPDATE people SET login = 'M', note = 'xperson.7@example.com person.7@example.comx' WHERE id = 7",
    )
    outcome = kept.validate(kept.to_warehouse())
    assert outcome.code == 0, outcome.error
    checks = outcome.result["datasets"]["people"]["checks"]
    for column in ("mail", "phone", "code", "token", "number"):
        assert f"no original of {column} stands in a kept column" in checks


def test_a_column_may_hold_originals_if_its_policy_says_so(kept: Any) -> None:
    """The escape holds for that column alone."""
    kept.execute(kept.source, "UPDATE people SET login = mail, note = mail WHERE id = 7")
    kept.policies["people"]["may_hold_originals"] = ["login"]
    outcome = kept.validate(kept.to_warehouse())
    assert outcome.code == 65
    assert "stands in note (1 different" in outcome.error
    assert "login" not in outcome.error
    kept.policies["people"]["may_hold_originals"] = ["login", "note"]
    assert kept.validate(kept.to_warehouse("2026-11-24")).code == 0


@pytest.mark.parametrize("column", ["mail", "nothing"])
def test_only_kept_columns_may_hold_originals(kept: Any, column: str) -> None:
    """A name that is wrong, or of a hidden column, stops the run."""
    kept.policies["people"]["may_hold_originals"] = [column]
    outcome = kept.run("export", "--run-key", "d")
    assert (outcome.code, f"column {column} stands under may_hold_originals, but is not kept" in outcome.error) == (
        65,
        True,
    )
