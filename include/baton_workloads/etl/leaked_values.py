"""Originals behind a pseudonym or a mask that stand somewhere else: in a column that is kept, in any dataset of a run.

Searched are the kept columns whose values are text, json, xml, uuid, arrays of those, or of any other type that travels
in its text form (numbers, dates, times, booleans and bytea are not). What counts is an original

- that fills a value, or stands in it as one to five words in a row: so inside json, arrays and free text, too;
- in any letter case; words end at blanks, quotes, brackets and ``, ; : < > | = & ? ! / \\``; dots around them are cut;
- written in any way that its rule knows (``Spelling``): of a phone number, the same digits however they are grouped;
- with at least six characters, or eight digits if it has nothing but digits (twelve in a column of numbers);
- that is not common in its own column: in at most ten values, or one in a hundred. Placeholders are no secret.

Dates and enums behind a pseudonym are not searched for: their values stand everywhere by chance. Kept columns are read
from the raw files, as they arrive in the warehouse unchanged.

Cost: kept values are taken apart once for each file, those of few different values once for each; of the originals
only 64-bit hashes are held, on disk where memory does not suffice.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from baton_workloads.etl import engine
from baton_workloads.etl.checks import Check
from baton_workloads.etl.engine import identifier, literal
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.rules.base import INTEGERS, TEXTS, Rule, Spelling
from baton_workloads.etl.validated_dataset import ValidatedDataset
from baton_workloads.storage import join, store_for

if TYPE_CHECKING:
    import duckdb

MEMORY = "160MB"
WORDS_IN_A_ROW = 5
MIN_CHARACTERS = 6
MIN_DIGITS = 8
MIN_INTEGER_DIGITS = 12
NUMBERS = INTEGERS | {"numeric"}
COMMON_ROWS, COMMON_SHARE = 10, 0.01
PIECE, OVERLAP = 2000, 200  # long values are taken apart piece by piece, so that memory does not grow with them
SHORT = 200  # values up to this length are made distinct first
TEXT_LISTS = {"_text", "_varchar", "_uuid"}
NOT_TEXT = set(
    "numeric money interval time timetz bit varbit int4range int8range numrange daterange tsrange tstzrange"
    " _numeric _float4 _float8 _date _timestamp _timestamptz _interval".split()
)
ADVICE = "give that column another rule, or name it under may_hold_originals in its policy"

# A word begins and ends with no dot. The class of RE2 knows not all blanks of Unicode; the no-break space is named.
BREAKS = r"""\s\x{00a0},;:"'<>()\[\]{}|=&?!/\\"""
WORD = rf"[^{BREAKS}.](?:[^{BREAKS}]*[^{BREAKS}.])?"
PLAIN = rf"^[^{BREAKS}.\x{{80}}-\x{{10ffff}}](?:[^{BREAKS}\x{{80}}-\x{{10ffff}}]*[^{BREAKS}.\x{{80}}-\x{{10ffff}}])?$"
ROWS = [", ".join(["w", *(f"w[{n}:]" for n in range(2, size + 1))]) for size in range(2, WORDS_IN_A_ROW + 1)]
JOINED = [" || ' ' || ".join(f"z[{n}]" for n in range(1, size + 1)) for size in range(2, WORDS_IN_A_ROW + 1)]
IN_A_ROW = [f"list_transform(list_zip({r}), lambda z: {j})" for r, j in zip(ROWS, JOINED, strict=True)]

# normal: words in a row, also of what is one word already, which most values are and which then costs little.
MACROS = f"""
CREATE MACRO words(t) AS regexp_extract_all(lower(nfc_normalize(t)), {literal(WORD)});
CREATE MACRO normal(t) AS CASE WHEN regexp_matches(t, {literal(PLAIN)}) THEN lower(t)
    ELSE array_to_string(words(t), ' ') END;
CREATE MACRO grams(w) AS list_concat(w, [array_to_string(w, ' ')], {", ".join(IN_A_ROW)});
CREATE MACRO telling(t) AS length(t) >= {MIN_CHARACTERS}
    AND (length(t) >= {MIN_DIGITS} OR NOT regexp_full_match(t, '[0-9]+'));
CREATE MACRO unicode_escape(t) AS CASE
    WHEN regexp_matches(t, '^[0-9a-fA-F]{{4}}') AND NOT regexp_matches(t, '^[dD][89a-fA-F]')
    THEN chr(('0x' || left(t, 4))::INTEGER) || substring(t, 5) ELSE ' ' || t END;
CREATE MACRO unescaped(t) AS array_to_string(list_transform(
    string_split(regexp_replace(t, '\\\\[nrtbf]', ' ', 'g'), '\\u'),
    lambda s, i: CASE WHEN i = 1 THEN s ELSE unicode_escape(s) END), '');
"""


def search(subjects: Iterable[ValidatedDataset]) -> dict[str, list[Check]]:
    """Look for the originals of all subjects in what all of them keep.

    :returns: by dataset of the hidden column: one check for each hidden column, and each place where it stands instead.
    :raises DataError: a raw file is gone or damaged.
    """
    import duckdb

    found = list(subjects)
    places = [(subject, column) for subject in found for column in subject.raw.columns if _is_searched(subject, column)]
    origins = [(subject, column) for subject in found for column in subject.raw.columns if _is_hidden(subject, column)]
    if not places or not origins:
        return {}
    connection = engine.connect(memory=MEMORY)
    try:
        connection.execute("CREATE TABLE kept (place INTEGER, hash UBIGINT)")
        connection.execute("CREATE TABLE hidden (origin INTEGER, hash UBIGINT)")
        connection.execute(MACROS)
        for subject in found:
            _read(connection, subject, places, origins)
        return _verdicts(connection, places, origins)
    except duckdb.Error as err:
        raise engine.translate(err, "validate, search for originals") from err
    finally:
        connection.close()


def _is_searched(subject: ValidatedDataset, column: Column) -> bool:
    if not subject.policy.rule(column.name).keeps_values or column.name in subject.policy.may_hold_originals:
        return False
    if column.carrier == "native":
        return column.udt in TEXT_LISTS | {"uuid"}
    return column.udt not in NOT_TEXT


def _is_hidden(subject: ValidatedDataset, column: Column) -> bool:
    fitting = column.udt in TEXTS | {"uuid"} | NUMBERS
    return subject.policy.rule(column.name).hides and fitting and column.carrier != "absent"


def _read(
    connection: "duckdb.DuckDBPyConnection",
    subject: ValidatedDataset,
    places: list[tuple[ValidatedDataset, Column]],
    origins: list[tuple[ValidatedDataset, Column]],
) -> None:
    own_places = [(number, column) for number, (other, column) in enumerate(places) if other is subject]
    own_origins = [(number, column) for number, (other, column) in enumerate(origins) if other is subject]
    if not own_places and not own_origins:
        return
    hiding = (other.policy.rule(column.name).spelling for other, column in origins)
    spellings = list(dict.fromkeys(spelling for spelling in hiding if spelling is not None))
    for file in subject.raw.files:
        uri = join(subject.raw_uri.rsplit("/", 1)[0], file.path)
        with store_for(uri).reading(uri, file.bytes, file.sha256) as path:
            for number, column in own_places:
                connection.execute(f"INSERT INTO kept {_kept(number, column, str(path), spellings)}")
            for number, column in own_origins:
                rule = subject.policy.rule(column.name)
                connection.execute(f"INSERT INTO hidden {_originals(number, column, str(path), rule)}")


def _kept(number: int, column: Column, path: str, spellings: list[Spelling]) -> str:
    """Give the query for the hashes of everything in a kept column that an original could equal."""
    name, file = identifier(column.name), engine.parquet(path)
    value = (
        f"unnest({name})::VARCHAR" if column.udt in TEXT_LISTS and column.carrier == "native" else f"{name}::VARCHAR"
    )
    values = f"(SELECT {value} AS t FROM {file})"  # noqa: S608
    pieces = (
        f"SELECT DISTINCT t FROM {values} WHERE length(t) BETWEEN {MIN_CHARACTERS} AND {SHORT}"  # noqa: S608
        f" UNION ALL SELECT substring(t, start, {PIECE + OVERLAP}) FROM"
        f" (SELECT t, unnest(range(1, length(t) + 1, {PIECE})) AS start FROM {values} WHERE length(t) > {SHORT})"
    )
    texts = f"SELECT unnest(CASE WHEN contains(t, '\\') THEN [t, unescaped(t)] ELSE [t] END) AS t FROM ({pieces})"  # noqa: S608
    grams = f"SELECT unnest(grams(words(t))) AS g FROM ({texts})"  # noqa: S608
    hashes = "[hash(g)]"
    for spelling in spellings:
        least, greatest = (literal(character) for character in spelling.begins)
        is_one = f"g[1] BETWEEN {least} AND {greatest} AND regexp_full_match(g, {literal(spelling.looks)})"
        hashes = f"CASE WHEN {is_one} THEN list_append({hashes}, {_spelled(spelling, 'g')}) ELSE {hashes} END"
    return f"SELECT DISTINCT {number}, unnest({hashes}) FROM ({grams}) WHERE telling(g)"  # noqa: S608


def _spelled(spelling: Spelling, text: str) -> str:
    return f"hash({literal(spelling.name + ' ')} || {spelling.normal.replace('{text}', text)})"


def _originals(number: int, column: Column, path: str, rule: Rule) -> str:
    """Give the query for the hashes of the originals that are looked for."""
    text, file = f"{identifier(column.name)}::VARCHAR", engine.parquet(path)
    spelling, form = rule.spelling, rule.form()
    if spelling is not None:
        long = f"length({spelling.normal.replace('{text}', text)}) >= {spelling.least}"
        return f"SELECT {number}, {_spelled(spelling, text)} FROM {file} WHERE {long}"  # noqa: S608
    if column.udt in NUMBERS:
        wanted = f"SELECT {text} AS g FROM {file} WHERE length({text}) >= {MIN_INTEGER_DIGITS}"  # noqa: S608
    else:
        unlike = f" WHERE NOT regexp_matches({text}, {literal(form)})" if form else ""
        normal = f"SELECT normal({text}) AS g FROM {file}{unlike}"  # noqa: S608
        wanted = f"SELECT g FROM ({normal}) WHERE telling(g)"  # noqa: S608
    return f"SELECT {number}, hash(g) FROM ({wanted})"  # noqa: S608


def _verdicts(
    connection: "duckdb.DuckDBPyConnection",
    places: list[tuple[ValidatedDataset, Column]],
    origins: list[tuple[ValidatedDataset, Column]],
) -> dict[str, list[Check]]:
    rows = connection.execute(
        "WITH held AS (SELECT DISTINCT place, hash FROM kept),"  # noqa: S608
        " hits AS (SELECT origin, hash, count(*) AS rows FROM hidden"
        " WHERE hash IN (SELECT hash FROM held) GROUP BY ALL),"
        " totals AS (SELECT origin, count(*) AS total FROM hidden GROUP BY ALL)"
        f" SELECT origin, place, count(*) FROM hits JOIN totals USING (origin) JOIN held USING (hash)"
        f" WHERE rows <= greatest({COMMON_ROWS}, total * {COMMON_SHARE}) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    verdicts: dict[str, list[Check]] = {}
    for number, (subject, column) in enumerate(origins):
        what = f"no original of {column.name} stands in a kept column"
        checks = [
            Check(
                f"no original of {column.name} stands in {_place(subject, *places[place])}",
                count,
                f" ({count} different ones do; {ADVICE})",
            )
            for origin, place, count in rows
            if origin == number
        ]
        verdicts.setdefault(subject.made.dataset, []).extend(checks or [Check(what)])
    return verdicts


def _place(asked: ValidatedDataset, subject: ValidatedDataset, column: Column) -> str:
    return column.name if subject is asked else f"{subject.made.dataset}.{column.name}"
