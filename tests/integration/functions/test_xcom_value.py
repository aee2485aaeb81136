"""What is said to fit into an XCom does: through Airflow's serialisation, the supervisor's messages and PostgreSQL."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from airflow.sdk.execution_time.comms import SetXCom, _RequestFrame
from airflow.sdk.serde import deserialize, serialize
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baton.functions.call import UnusableAnswerError
from baton.functions.xcom_value import DEEPEST, xcom_value


@pytest.fixture(scope="module")
def connection(module_database: str) -> Iterator[psycopg.Connection[Any]]:
    """A real database."""
    with psycopg.connect(module_database, autocommit=True) as made:
        yield made


def push_and_pull(connection: psycopg.Connection[Any], value: Any) -> Any:
    """The way of a task's result to the next task."""
    stored = serialize(value)
    message = SetXCom(key="return_value", value=stored, dag_id="d", run_id="r", task_id="t", map_index=-1)
    _RequestFrame(id=1, body=message.model_dump()).as_bytes()
    text = json.dumps(stored, allow_nan=False)
    [(pulled,)] = connection.execute("SELECT %s::jsonb", [text]).fetchall()
    return deserialize(pulled)


def as_numbers(value: Any) -> Any:
    """JSON knows one kind of number: PostgreSQL writes 1e16 as an integer."""
    return json.loads(json.dumps(value), parse_int=float)


_texts = st.text(st.characters(exclude_categories=[]), max_size=8) | st.sampled_from(["__type", "__var", "__id__"])
_leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | _texts
_values = st.recursive(_leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=_values)
def test_what_is_accepted_arrives(connection: psycopg.Connection[Any], value: Any) -> None:
    """Whatever a function answers: it is refused with words, or the next task gets it."""
    try:
        accepted = xcom_value(value)
    except UnusableAnswerError:
        return
    assert as_numbers(push_and_pull(connection, accepted)) == as_numbers(value)


def test_deepest_answer_arrives(connection: psycopg.Connection[Any]) -> None:
    """With a level more it is refused."""
    value: Any = 1
    for _ in range(DEEPEST):
        value = [value]
    assert push_and_pull(connection, xcom_value(value)) == value
    with pytest.raises(UnusableAnswerError, match="levels"):
        xcom_value([value])


@pytest.mark.parametrize(
    "value",
    [{"a": "\0"}, {"\0": 1}, ["\ud800"], float("inf"), 2**64, -(2**63) - 1, {"__classname__": "x"}, {"__id__": 1}],
)
def test_what_is_refused_would_have_failed(connection: psycopg.Connection[Any], value: Any) -> None:
    """After the function's work was done."""
    with pytest.raises(UnusableAnswerError):
        xcom_value(value)
    with pytest.raises(Exception, match=r"."):
        push_and_pull(connection, value)
