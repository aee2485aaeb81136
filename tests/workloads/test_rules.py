"""Each rule does, value by value, what a plain Python reference does."""

import hashlib
import hmac
import re
import unicodedata
import uuid
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton_workloads.errors import DataError
from baton_workloads.etl import engine, pseudonym
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.policy import Policy
from baton_workloads.etl.rules import Rule
from baton_workloads.etl.rules.masks import ENDINGS

pyarrow = pytest.importorskip("pyarrow")
ENGINE = engine.connect()
KNOWN = ["2b921337-c8ec-d84c-30d8-e29da7a3b01e", "f61be9c2-d7ae-fd1a-116c-4205f92b75d7"]
EXAMPLES = settings(max_examples=60, deadline=None)
TEXTS = st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=40)


def column(kind: str, udt: str, carrier: str = "native") -> Column:
    """Give a column of a type."""
    return Column.model_validate({"name": "v", "type": kind, "udt": udt, "carrier": carrier})


def rule(**parameters: Any) -> Rule:
    """Give a rule as a policy would."""
    return Policy.model_validate({"dataset": "d", "columns": {"v": parameters}}).rule("v")


def applied(rule: Rule, kind: Column, values: list[Any], engine_type: str) -> list[Any]:
    """Apply a rule to values in the engine."""
    prepared = rule.prepared(kind, "v") or "NULL"
    query = (
        f"SELECT {rule.expression(kind, 'v', 'p')} FROM (SELECT v, {prepared} AS p"  # noqa: S608
        f" FROM (SELECT unnest($1::{engine_type}[]) AS v))"
    )
    return [row[0] for row in ENGINE.execute(query, [values]).fetchall()]


@EXAMPLES
@given(
    st.lists(
        st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9), min_size=1
    ),
    st.sampled_from(["0.05", "0.5", "1", "3", "7.25", "10", "500", "999999999"]),
)
def test_numbers_are_rounded_half_away_from_zero(values: list[Decimal], step: str) -> None:
    """A numeric becomes the nearest multiple of the step; halves go away from zero."""
    kind = column("numeric(12,2)", "numeric")
    made = applied(rule(rule="generalise_number", step=step), kind, values, "DECIMAL(12,2)")
    assert made == [(v / Decimal(step)).quantize(Decimal(1), ROUND_HALF_UP) * Decimal(step) for v in values]


@pytest.mark.parametrize(("digits", "scale"), [(18, 2), (19, 2), (21, 17), (38, 10), (38, 18), (38, 0)])
@EXAMPLES
@given(data=st.data())
def test_wide_numbers_are_rounded_exactly(digits: int, scale: int, data: st.DataObject) -> None:
    """No digit is lost in numerics that need 128 bits."""
    limit = 10**digits - 10**3 * 10**scale
    small = min(limit, 10**18)  # around which the width changes that is computed in
    value = data.draw(st.integers(-limit, limit) | st.integers(-small, small))
    exact = Decimal(f"{value}E-{scale}")
    made = applied(
        rule(rule="generalise_number", step=100), column(f"numeric({digits},{scale})", "numeric"), [str(exact)],
        f"DECIMAL({digits},{scale})",
    )  # fmt: skip
    unit = 100 * 10**scale
    nearest = (2 * abs(value) + unit) // (2 * unit) * unit
    assert made[0] == Decimal(f"{nearest if value >= 0 else -nearest}E-{scale}")


@EXAMPLES
@given(st.lists(st.integers(-(2**62), 2**62), min_size=1), st.integers(1, 10**6))
def test_integers_are_rounded_half_away_from_zero(values: list[int], step: int) -> None:
    """A bigint becomes the nearest multiple of the step."""
    made = applied(rule(rule="generalise_number", step=step), column("bigint", "int8"), values, "BIGINT")
    nearest = [(2 * abs(v) + step) // (2 * step) * step for v in values]
    assert made == [n if v >= 0 else -n for n, v in zip(nearest, values, strict=True)]


@EXAMPLES
@given(st.lists(st.datetimes(min_value=datetime(1, 1, 1)), min_size=1), st.sampled_from(["day", "month", "year"]))
def test_times_are_cut(values: list[datetime], to: str) -> None:
    """A timestamp becomes the first moment of its day, month or year."""
    cut = {"day": {}, "month": {"day": 1}, "year": {"day": 1, "month": 1}}[to]
    made = applied(rule(rule="generalise_date", to=to), column("timestamp", "timestamp"), values, "TIMESTAMP")
    expected = [v.replace(hour=0, minute=0, second=0, microsecond=0, **cut) for v in values]
    assert made == expected
    zoned = [v.replace(tzinfo=UTC) for v in values]
    made = applied(
        rule(rule="generalise_date", to=to), column("timestamptz", "timestamptz"), zoned, "TIMESTAMPTZ"
    )  # fmt: skip
    assert [v.astimezone(UTC).replace(tzinfo=None) for v in made] == expected


def test_infinite_dates_stay_infinite() -> None:
    """Infinity has no month; it stays what it is."""
    made = applied(rule(rule="generalise_date", to="month"), column("date", "date"), ["infinity", "2024-02-29"], "DATE")
    assert [str(value) for value in made] == [str(date.max), "2024-02-01"]


@EXAMPLES
@given(st.lists(TEXTS | st.emails(), min_size=1))
def test_masked_addresses_have_the_masked_form_and_differ_from_the_original(values: list[str]) -> None:
    """Whatever an address field holds, only a first letter and a common ending are left."""
    mask = rule(rule="mask_email")
    made = applied(mask, column("text", "text", "text"), values, "VARCHAR")
    for value, masked in zip(values, made, strict=True):
        assert re.fullmatch(mask.form() or "", masked)
        assert masked != value or re.fullmatch(mask.form() or "", value)


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("jane.doe@mail.example.com", "j***@***.com"),
        ("J@EXAMPLE.ORG", "j***@***.org"),
        ("\u00fcmit@example.de", "***@***.de"),
        ("no address", "***"),
        ("", "***"),
        ("two@at@signs.com", "***"),
        ("a@b.com\n", "***"),
        ("line\nbreak@b.com", "***"),
        ("write to a@b.com or ask Mr.Smith", "***"),
        ("write\u00a0to a@b.com", "***"),
        ("Jane Doe <jane@b.com>", "***"),
        ("mailto:jane@b.com", "***"),
        ("a@b.com-or-ask.Mr.Smith", "a***@***"),
        ("a@b.museum", "a***@***"),
        ("a@b.com,c@d.com", "***"),
        ("o'hara+news@mail.b.co.uk", "o***@***.uk"),
        ("a@b", "***"),
        ("a@[10.0.0.1]", "***"),
        ("a@b..com", "***"),
        ("@b.com", "***@***.com"),
        (None, None),
    ],
)
def test_addresses_are_masked(value: str | None, masked: str | None) -> None:
    """First letter and a common ending stay; what is no address becomes three stars; NULL stays NULL."""
    assert applied(rule(rule="mask_email"), column("text", "text", "text"), [value], "VARCHAR") == [masked]


@pytest.mark.parametrize(
    ("value", "keep", "masked"),
    [
        ("+49 151 2345678", 2, "***78"),
        ("+49 151 2345678", 0, "***"),
        ("+49 151 2345678", 4, "***5678"),
        ("1234567", 2, "***"),
        ("ask the neighbour", 2, "***"),
        ("", 2, "***"),
        (None, 2, None),
    ],
)
def test_numbers_to_call_are_masked(value: str | None, keep: int, masked: str | None) -> None:
    """The last digits stay where six more are hidden."""
    made = applied(rule(rule="mask_phone", keep_last=keep), column("text", "text", "text"), [value], "VARCHAR")
    assert made == [masked]


@EXAMPLES
@given(st.lists(TEXTS, min_size=1), st.binary(min_size=32, max_size=64), st.sampled_from(["customer", "a.b-c_1"]))
def test_pseudonyms_are_the_specified_hmac(values: list[str], key: bytes, domain: str) -> None:
    """The kernel gives what hashlib gives for the specification."""
    domain_key = hmac.new(key, b"baton/pseudonym/1/" + domain.encode(), hashlib.sha256).hexdigest()
    expected = [hmac.new(domain_key.encode(), v.encode(), hashlib.sha256).hexdigest()[:32] for v in values]
    made = pseudonym.hash_texts(pyarrow.array([*values, None], pyarrow.string()), pseudonym.domain_key(key, domain))
    assert made.to_pylist() == [*expected, None]


def are_signs(text: str, others: str) -> bool:
    """Say whether a text is made of letters, digits, and other signs that an address may have there."""
    return all(unicodedata.category(sign)[0] in "LMN" or sign in others for sign in text)


def address_mask(value: str) -> str:
    """Mask an address by its parts."""
    local, at, domain = value.partition("@")
    *labels, ending = domain.split(".")
    formed = at and labels and all(label and are_signs(label, "-") for label in labels)
    if not (formed and are_signs(local, ".!#$%&'*+/=?^_`{|}~-") and re.fullmatch("[A-Za-z]{2,}", ending)):
        return "***"
    first = local[:1] if re.fullmatch("[A-Za-z0-9]", local[:1]) else ""
    common = len(ending) == 2 or ending.lower() in ENDINGS.split("|")
    return f"{first}***@***{f'.{ending}' if common else ''}".lower()


def number_mask(value: str, keep: int) -> str:
    """Mask a number to call by its digits."""
    digits = re.sub("[^0-9]", "", value)
    return "***" + (digits[-keep:] if keep and len(digits) >= keep + 6 else "")


@EXAMPLES
@given(
    st.lists(
        st.text(st.sampled_from("aZ09@@..coOmdiKs \n\u0130\u00df\u6f22\u017f\u212a+-\u0663"), max_size=20), min_size=1
    ),
    st.integers(0, 4),
)
def test_masks_are_what_python_makes_of_the_parts(values: list[str], keep: int) -> None:
    """Whatever stands in the column, also what hardly is an address or a number."""
    texts = column("text", "text", "text")
    assert applied(rule(rule="mask_email"), texts, values, "VARCHAR") == [address_mask(v) for v in values]
    numbers = applied(rule(rule="mask_phone", keep_last=keep), texts, values, "VARCHAR")
    assert numbers == [number_mask(v, keep) for v in values]


@EXAMPLES
@given(st.lists(st.none() | TEXTS), st.integers(1, 3), st.integers(0, 2))
def test_pseudonyms_as_bits_are_the_same_in_their_rows(values: list[str | None], times: int, skipped: int) -> None:
    """Also where values repeat, stand beside NULL, or are a part of a larger array."""
    texts = pyarrow.array(values * times, pyarrow.string())[skipped:]
    key = pseudonym.domain_key(bytes(32), "customer")
    expected = [None if v is None else pseudonym.pseudonym(v, key) for v in texts.to_pylist()]
    assert pseudonym.hash_bits(texts, key).to_pylist() == expected


def test_values_that_repeat_are_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Staff, countries and their kind: a few values in millions of rows."""
    hashed: list[int] = []
    kernel = pseudonym.hash_texts
    monkeypatch.setattr(pseudonym, "hash_texts", lambda texts, key: hashed.append(len(texts)) or kernel(texts, key))
    pseudonym.hash_bits(pyarrow.array([str(number % 50) for number in range(5000)]), "00")
    pseudonym.hash_bits(pyarrow.array([str(number) for number in range(5000)]), "00")
    assert hashed == [50, 5000]


@pytest.mark.parametrize(
    ("kind", "carrier", "engine_type", "values"),
    [
        ("numeric(20,0)", "native", "DECIMAL(20,0)", ["-7", "0", "12", "120", "10000000000000000000"]),
        ("numeric", "text", "VARCHAR", ["12", "12.00", "120", "0.50", "-3.140", "NaN", "1000.000"]),
    ],
)
def test_equal_numbers_of_any_type_have_one_pseudonym(
    kind: str, carrier: str, engine_type: str, values: list[str]
) -> None:
    """A numeric key joins with a bigint that references it."""
    number = rule(rule="pseudonym", domain="d")
    query = (
        f"SELECT {number.canonical(column(kind, 'numeric', carrier), 'v')} FROM (SELECT unnest($1::{engine_type}[]) v)"  # noqa: S608
    )
    made = [row[0] for row in ENGINE.execute(query, [values]).fetchall()]
    assert made == [v if v == "NaN" else f"{Decimal(v).normalize():f}" for v in values]


def test_a_pseudonym_never_changes() -> None:
    """A known answer: changing the specification must be noticed, as it tears old and new loads apart."""
    key = pseudonym.domain_key(bytes(range(32)), "customer")
    made = pseudonym.hash_texts(pyarrow.array(["42", ""]), key).to_pylist()
    assert [str(uuid.UUID(value)) for value in made] == KNOWN


KEY = bytes.fromhex("0f" * 32)


@pytest.mark.parametrize("large_bytes", [0, 1 << 20])
def test_large_texts_have_the_same_pseudonyms(monkeypatch: pytest.MonkeyPatch, large_bytes: int) -> None:
    """They are hashed where they are; NULL stays NULL, and equal texts stay equal."""
    monkeypatch.setattr(pseudonym, "LARGE_BYTES", large_bytes)
    key = pseudonym.domain_key(KEY, "d")
    texts = ["a", None, "Ä" * 3000, "", "a"]
    expected = [None if text is None else pseudonym.pseudonym(text, key) for text in texts]
    made = pseudonym.hash_texts(pyarrow.array(texts, pyarrow.large_string()), key)
    assert made.to_pylist() == [None if one is None else one.hex for one in expected]
    bits = pseudonym.hash_bits(pyarrow.array(texts, pyarrow.large_string()), key)
    assert bits.type == pyarrow.uuid()
    assert bits.to_pylist() == expected


def test_a_fingerprint_names_a_key() -> None:
    """As written down in ledgers: it may never change."""
    assert pseudonym.fingerprint(KEY) == "432510800e754a2d"
    assert pseudonym.fingerprint(bytes.fromhex("1e" * 32)) != "432510800e754a2d"


def test_a_kernel_that_hashes_otherwise_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each batch one pseudonym is made by hashlib as well: a changed kernel must not reach the warehouse."""
    monkeypatch.setattr(pseudonym, "pseudonym", lambda text, key: uuid.UUID(int=7))
    with pytest.raises(DataError, match="hash kernel"):
        pseudonym.hash_texts(pyarrow.array([None, "42"]), "00")


ADVISED = [("text[]", "_text"), ("jsonb", "jsonb"), ("bytea", "bytea"), ("uuid", "uuid"), ("money", "money")]


@pytest.mark.parametrize(("kind", "udt"), ADVISED)
@pytest.mark.parametrize("parameters", [{"rule": "mask_email"}, {"rule": "pseudonym", "domain": "d"}], ids=str)
def test_what_a_misfit_advises_fits(parameters: dict[str, Any], kind: str, udt: str) -> None:
    """A rule that the message names can be used for that very type."""
    of_type = column(kind, udt)
    advice = rule(**parameters).misfit(of_type) or ""
    for name in ("pseudonym", "null", "drop"):
        advised = rule(rule=name, **({"domain": "d"} if name == "pseudonym" else {}))
        assert (name in advice.partition("use ")[2]) <= (advised.misfit(of_type) is None)


@pytest.mark.parametrize(
    ("parameters", "kind", "udt"),
    [
        ({"rule": "mask_email"}, "bigint", "int8"),
        ({"rule": "mask_phone"}, "jsonb", "jsonb"),
        ({"rule": "generalise_date", "to": "month"}, "text", "text"),
        ({"rule": "generalise_date", "to": "day"}, "date", "date"),
        ({"rule": "generalise_number", "step": 10}, "text", "text"),
        ({"rule": "generalise_number", "step": 0}, "bigint", "int8"),
        ({"rule": "generalise_number", "step": "0.5"}, "integer", "int4"),
        ({"rule": "generalise_number", "step": "0.005"}, "numeric(12,2)", "numeric"),
        ({"rule": "generalise_number", "step": 10}, "numeric", "numeric"),
        ({"rule": "pseudonym", "domain": "d"}, "jsonb", "jsonb"),
        ({"rule": "pseudonym", "domain": "d"}, "double precision", "float8"),
        ({"rule": "pseudonym", "domain": "d"}, "numeric(12,2)", "numeric"),
        ({"rule": "fixed", "value": "x"}, "text[]", "_text"),
        ({"rule": "fixed", "value": "x"}, "integer", "int4"),
        ({"rule": "fixed", "value": 1}, "boolean", "bool"),
        ({"rule": "keep"}, "public.geometry", "other"),
    ],
)
def test_a_rule_that_does_not_fit_a_type_says_so(parameters: dict[str, Any], kind: str, udt: str) -> None:
    """Every rule knows the types that it can work on."""
    assert rule(**parameters).misfit(column(kind, udt))
