# ruff: noqa: S608  (tests write their SQL themselves)
"""Every value arrives in the warehouse exactly as it left the source."""

from typing import Any

VALUES: dict[str, list[str]] = {
    "boolean": ["true", "false"],
    "smallint": ["-32768", "32767"],
    "integer": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "real": ["NaN", "Infinity", "-Infinity", "-0", "1.17549435e-38", "3.4028235e38", "0.1"],
    "double precision": ["NaN", "Infinity", "-Infinity", "-0", "5e-324", "1.7976931348623157e308", "0.1"],
    "numeric": ["NaN", "Infinity", "-Infinity", "0", "0.000", "-0.10", "1.50", "12345678901234567890.0123456789",
                "1" + "0" * 60, "-" + "9" * 50 + "." + "9" * 50, "0." + "0" * 40 + "1", "10000", "9999.9999", "0.0001"],
    "numeric(12,2)": ["0.00", "-0.01", "9999999999.99"],
    "numeric(38,10)": ["-9999999999999999999999999999.9999999999"],
    "numeric(38,0)": ["99999999999999999999999999999999999999"],
    "numeric(40,10)": ["-999999999999999999999999999999.9999999999"],
    "numeric(4,4)": ["-0.0001", "0.9999"],
    "numeric(3,-2)": ["12300"],
    "money": ["-12.34", "92233720368547758.07"],
    "text": ["", " ", "a\nb\r\n\t", "\"quoted\" 'single' \\ back", "NULL", "\\N", "\\.", "\u00e9\u00df\u4e2d\U0001f600",
             "\u202emirror", "x" * 100_000, "\x01\x7f"],
    "varchar(10)": ["", "abc   "],
    "char(6)": ["", "ab", "\u00e9"],
    '"char"': ["a"],
    "name": ["some_name"],
    "date": ["5874897-12-31", "4713-01-01 BC", "infinity", "-infinity", "1582-10-10", "2024-02-29"],
    "timestamp": ["294247-01-10 04:00:54.775806", "4713-01-01 00:00:00 BC", "infinity", "-infinity",
                  "1969-12-31 23:59:59.999999"],
    "timestamptz": ["294247-01-10 04:00:54.775806+00", "4713-01-01 00:00:00+00 BC", "infinity", "-infinity",
                    "2026-10-25 02:30:00+02", "2026-10-25 02:30:00+01", "1890-01-01 00:00:00+00"],
    "timestamp(0)": ["2026-01-01 00:00:01"],
    "time": ["24:00:00", "00:00:00.000001"],
    "timetz": ["24:00:00-15:59", "00:00:00+15:59"],
    "interval": ["1 year -2 mons 3 days -04:05:06.000007", "178000000 years",
                 "-178000000 years", "9999999:59:59.999999"],
    "uuid": ["ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000"],
    "bytea": ["", "\\x00ff10", "\\x5c78"],
    "json": ['{"b": 1,  "a": [1.10, null]}', "null", '"\\u0000"'],
    "jsonb": ['{"b": 1.10, "a": [1e3, null, {"\u00e9": ""}]}', "null", "[]", '"x"',
              "123456789012345678901234567890.10"],
    "text[]": ["{}", '{a,NULL,"NULL","","x,y","a\\"b","c\\\\d"," "}', "{\u00e9}"],
    "varchar(9)[]": ["{}", "{a,NULL}"],
    "char(3)[]": ["{a,bc}"],
    "integer[]": ["{}", "{1,NULL,-3}"],
    "bigint[]": ["{9223372036854775807}"],
    "boolean[]": ["{t,f,NULL}"],
    "uuid[]": ["{ffffffff-ffff-ffff-ffff-ffffffffffff}"],
    "numeric[]": ["{1.50,NaN,NULL}"],
    "numeric(20,18)[]": ["{0.999999999999999999,-0.5,NULL}", "{}"],
    "float8[]": ["{-0,NaN,Infinity,5e-324,NULL}"],
    "real[]": ["{-0,NaN,0.1}"],
    "date[]": ["{infinity,4713-01-01 BC,5874897-12-31}"],
    "time[]": ["{24:00:00}"],
    "interval[]": ['{"1 year -2 mons"}'],
    "bytea[]": ['{"\\\\x00ff",NULL}'],
    "bit(3)[]": ["{101}"],
    "money[]": ["{-12.34}"],
    "numrange[]": ['{"[0.999999999999999999,2)"}'],
    "timestamptz[]": ["{infinity,2026-01-01 00:00:00+00}"],
    "jsonb[]": ['{"{\\"a\\": 1}"}'],
    "inet": ["10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32"],
    "cidr": ["10.0.0.0/8"],
    "macaddr": ["08:00:2b:01:02:03"],
    "bit(3)": ["101"],
    "varbit": ["", "10101"],
    "int4range": ["[1,5)", "empty", "(,3)"],
    "tstzrange": ['["2026-01-01 00:00:00+00",infinity)'],
    "numrange": ["[0.999999999999999999,Infinity]", "(,NaN)"],
    "tsrange": ['["294276-12-31 23:59:59.999999",)'],
    "daterange": ["[4713-01-01 BC,infinity)"],
    "nummultirange": ["{[1.5,2.0],(3,4)}"],
    "point": ["(1.5,-2)"],
    "tsvector": ["'a':1 'b':2"],
    "oid": ["4294967295"],
    "pg_lsn": ["FFFFFFFF/FFFFFFFF"],
    "jsonpath": ['$."a"[*]'],
}  # fmt: skip

# Values of which the engine's own type knows nothing; they make the export read their dataset once more, as text.
AWKWARD: dict[str, list[str]] = {
    "numeric(12,2)": ["NaN", "1.50"],
    "text[]": ["{{a,b},{c,NULL}}", "[0:1]={a,b}", "{x}", "{}"],
    "integer[]": ["{{{1}}}", "[-5:-4]={1,2}"],
    "varchar(4)[]": ["{{a}}"],
    "timestamp": ["294247-01-10 04:00:54.775807", "294276-12-31 23:59:59.999999", "infinity", "-infinity"],
    "timestamptz": ["294247-01-10 04:00:54.775807+00", "294276-12-31 23:59:59.999999+00", "4713-01-01 00:00:00+00 BC"],
    "timestamp(0)": ["294247-01-10 04:00:55"],
}


def literal(value: str) -> str:
    """Quote a text."""
    return "'" + value.replace("'", "''") + "'"


def carry(chain: Any, values: dict[str, list[str]]) -> tuple[list[Any], list[Any], list[str]]:
    """Send a table with one column for each type through the chain; give both sides' rows and the types."""
    types = list(values)
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(types))
    chain.execute(chain.source, f"CREATE TABLE things (id int PRIMARY KEY, {columns})")
    row = 0
    for i, kind in enumerate(types):
        for value in values[kind]:
            row += 1
            chain.execute(chain.source, f"INSERT INTO things (id, c{i}) VALUES ({row}, {literal(value)}::{kind})")
    chain.execute(chain.source, f"INSERT INTO things (id) VALUES ({row + 1})")
    chain.policies = {"things": {"columns": {"id": "keep"} | {f"c{i}": "keep" for i in range(len(types))}}}
    processed = chain.to_warehouse()
    assert chain.validate(processed).code == 0
    shown = ", ".join(f"c{i}::text, length(c{i}::text)" for i in range(len(types)))
    query = f"SELECT id, {shown} FROM things ORDER BY id"
    kinds = chain.query(
        chain.warehouse,
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'things'::regclass AND attnum > 1"
        " ORDER BY attnum",
    )
    return chain.query(chain.source, query), chain.query(chain.warehouse, query), [kind for (kind,) in kinds]


def test_every_type_arrives_exactly(file_chain: Any) -> None:
    """Values at the edges of each built-in type have the same text form and type in source and warehouse."""
    before, after, kinds = carry(file_chain, VALUES)
    assert after == before
    types = file_chain.query(file_chain.source, "SELECT " + ", ".join(f"'{k}'::regtype::text" for k in kinds))
    assert len(types[0]) == len(VALUES)


def test_types_with_a_binary_form_of_our_own_arrive_exactly(file_chain: Any) -> None:
    """Without a neighbour that drags the table through the cast path, our own binary forms are exact, too."""
    kinds = ["numeric", "numeric(40,10)", "jsonb", "json", "text[]", "varchar(9)[]", "integer[]", "text", "timestamptz"]
    before, after, _ = carry(file_chain, {kind: VALUES[kind] for kind in kinds})
    assert after == before


def test_values_without_a_native_form_arrive_exactly(file_chain: Any) -> None:
    """NaN in a numeric with a scale, arrays of many dimensions or other bounds, and very late moments go as text."""
    before, after, _ = carry(file_chain, AWKWARD)
    assert after == before


def test_small_values_of_wide_numerics_arrive_exactly(file_chain: Any) -> None:
    """Values that take the fast way of 64 bits keep their scale, up to its edge and beyond."""
    kinds = {
        "numeric(38,10)": ["1.5", "-99999999.9999999999"],
        "numeric(19,0)": ["-999999999999999999", "1"],
        "numeric(20,1)": ["100000000000000000.0", "1.0"],
        "numeric(38,30)": ["1.5"],
    }
    before, after, _ = carry(file_chain, kinds)
    assert after == before


def test_fixed_values_of_each_type_arrive(file_chain: Any) -> None:
    """A fixed value has the column's type in the warehouse."""
    fixed = {"int": 7, "boolean": True, "date": "2000-01-01", "text": "x", "numeric(5,2)": "1.50", "interval": "1 day",
             "uuid": "ffffffff-ffff-ffff-ffff-ffffffffffff", "jsonb": "{}", "timestamptz": "2000-01-01 00:00:00+00",
             "double precision": "0.5", "char(3)": "abc"}  # fmt: skip
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(fixed))
    file_chain.execute(file_chain.source, f"CREATE TABLE things (id int, {columns})", "INSERT INTO things VALUES (1)")
    rules = {f"c{i}": {"rule": "fixed", "value": value} for i, value in enumerate(fixed.values())}
    file_chain.policies = {"things": {"columns": {"id": "keep", **rules}}}
    assert file_chain.validate(file_chain.to_warehouse()).code == 0
    matches = " AND ".join(f"c{i} = {literal(str(value))}::{kind}" for i, (kind, value) in enumerate(fixed.items()))
    assert file_chain.query(file_chain.warehouse, f"SELECT {matches} FROM things") == [(True,)]


def test_names_of_the_source_s_own_tables_arrive_as_text(file_chain: Any) -> None:
    """The warehouse has no such table, role or type."""
    file_chain.execute(
        file_chain.source,
        "CREATE TABLE things (id int PRIMARY KEY, c regclass, t regtype, p regprocedure)",
        "INSERT INTO things VALUES (1, 'things', 'things', 'int4_sum(bigint, integer)')",
    )
    file_chain.policies = {"things": {"columns": dict.fromkeys(("id", "c", "t", "p"), "keep")}}
    assert file_chain.validate(file_chain.to_warehouse()).code == 0
    arrived = file_chain.query(file_chain.warehouse, "SELECT c, t, p FROM things")
    assert arrived == [("public.things", "public.things", "int4_sum(bigint,integer)")]


def test_moments_that_cannot_be_cut_are_refused_by_name(file_chain: Any) -> None:
    """Of a column with very late moments no year is made; a neighbour that can be cut is not blamed."""
    file_chain.execute(
        file_chain.source, "CREATE TABLE things (id int, late timestamp, early timestamp, n numeric(12,2))",
        "INSERT INTO things VALUES (1, '294276-12-31 23:59:59', '2026-05-05 05:05', 7)",
    )  # fmt: skip
    cut = {"rule": "generalise_date", "to": "year"}
    rules = {"id": "keep", "late": cut, "early": cut, "n": {"rule": "generalise_number", "step": 5}}
    file_chain.policies = {"things": {"columns": rules}}
    outcome = file_chain.run("export", "--run-key", "d")
    assert outcome.code == 65
    assert "column late: generalise_date does not fit" in outcome.error
    assert "early" not in outcome.error
    file_chain.policies["things"]["columns"]["late"] = "keep"
    assert file_chain.validate(file_chain.to_warehouse()).code == 0
    shown = "SELECT late::text, early::text, n::text FROM things"
    assert file_chain.query(file_chain.warehouse, shown) == [
        ("294276-12-31 23:59:59", "2026-01-01 00:00:00", "5.00"),
    ]  # fmt: skip
