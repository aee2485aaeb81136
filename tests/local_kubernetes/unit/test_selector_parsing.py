"""Label and field selectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_kubernetes.errors import ApiError
from local_kubernetes.selector_parsing import fields, labels

WORDS = st.sampled_from(["a", "b", "app", "tier", "x.example.com/y", "in", "notin"])
VALUES = st.sampled_from(["", "1", "2", "a-b", "v1.2_3"])
LABELS = st.dictionaries(WORDS, VALUES)


def _object(found):
    return {"metadata": {"labels": found, "name": "n", "namespace": "s"}, "status": {"phase": "Running"}}


@pytest.mark.parametrize(
    ("selector", "found", "fits"),
    [
        ("", {}, True),
        ("a=1", {"a": "1"}, True),
        ("a==1", {"a": "2"}, False),
        ("a!=1", {}, True),
        ("a", {"a": ""}, True),
        ("!a", {"a": ""}, False),
        ("a in (1, 2)", {"a": "2"}, True),
        ("a in (1)", {}, False),
        ("a notin (1)", {}, True),
        ("a in ()", {"a": ""}, True),
        ("a=", {"a": ""}, True),
        ("a>3", {"a": "10"}, True),
        ("a<3", {"a": "x"}, False),
        (" a = 1 , b ", {"a": "1", "b": "2"}, True),
        ("x.example.com/y=v1.2_3", {"x.example.com/y": "v1.2_3"}, True),
    ],
)
def test_label_selectors(selector, found, fits):
    """Each operator, with labels that are there, empty or missing."""
    assert labels(selector)(_object(found)) is fits


@given(found=LABELS, key=WORDS, value=VALUES)
def test_operators_are_each_others_opposite(found, key, value):
    """= and !=, in and notin, present and absent never agree."""
    obj = _object(found)

    assert labels(f"{key}={value}")(obj) is not labels(f"{key}!={value}")(obj)
    assert labels(f"{key} in ({value})")(obj) is not labels(f"{key} notin ({value})")(obj)
    assert labels(key)(obj) is not labels(f"!{key}")(obj)


@given(found=LABELS, terms=st.lists(st.tuples(WORDS, VALUES), max_size=3))
def test_terms_are_joined_with_and(found, terms):
    """A comma means and."""
    obj = _object(found)

    together = labels(",".join(f"{key}={value}" for key, value in terms))(obj)

    assert together is all(labels(f"{key}={value}")(obj) for key, value in terms)


@given(st.text(alphabet="ab=!(),<> in", max_size=12))
def test_any_text_is_read_or_refused(text):
    """A selector never breaks the server: it is read, or refused with 400."""
    try:
        labels(text)(_object({"a": "b"}))
    except ApiError as err:
        assert err.code == 400  # noqa: PT017 - both outcomes are right


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("==", "found '==', expected: !, identifier, or 'end of string'"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a,=", "found '=', expected: identifier after ','"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (=)", "unable to parse requirement: found '=', expected: ',', or identifier"),
        ("a>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value "
         "must be an integer"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_in_the_parser_s_words(selector, message):
    """As apimachinery's labels.Parse."""
    with pytest.raises(ApiError) as caught:
        labels(selector)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("selector", "beginning"),
    [
        ("a_=b", 'unable to parse requirement: <nil>: Invalid value: "a_": name part must consist of'),
        ("a=b_", 'unable to parse requirement: values[0][a]: Invalid value: "b_": a valid label must be'),
        ("a in (x,b_)", 'unable to parse requirement: values[0][a]: Invalid value: "b_": a valid label must be'),
    ],
)
def test_keys_and_values_must_be_possible_ones(selector, beginning):
    """A selector that no label can have is a mistake."""
    with pytest.raises(ApiError) as caught:
        labels(selector)
    assert caught.value.message.startswith(beginning)


def test_field_selectors():
    """Dotted paths; what is missing counts as empty."""
    supported = frozenset({"metadata.name", "status.phase", "spec.nodeName"})

    assert fields("metadata.name=n,status.phase!=Pending", supported)(_object({}))
    assert fields("spec.nodeName=", supported)(_object({}))
    assert not fields("status.phase=Pending", supported)(_object({}))
    with pytest.raises(ApiError, match=r"field label not supported: spec\.x"):
        fields("spec.x=1", supported)
    with pytest.raises(ApiError, match="can't understand 'nonsense'"):
        fields("nonsense", supported)
