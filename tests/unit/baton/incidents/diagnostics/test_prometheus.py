"""Labels never become PromQL."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.exceptions import PermanentError
from baton.incidents.diagnostics.collector import NothingToCollectError
from baton.incidents.diagnostics.prometheus import Query, filled, matchers, server_of

STRING = re.compile(r'"(?:[^"\\\n]|\\(?:[abfnrtv\\"]|u[0-9a-f]{4}|U[0-9a-f]{8}|x[0-9a-f]{2}))*"')
"""A string of PromQL, as its lexer (Go's rules) reads it."""


@given(st.text())
def test_a_value_is_one_string_whatever_it_holds(value):
    """No quote, no brace and no newline ends it early; it is plain ASCII."""
    text = matchers({"service": value})
    name, _, string = text.partition("=")
    assert name == "service"
    assert STRING.fullmatch(string)
    assert string.isascii()


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_names_of_pods_are_no_patterns(names):
    """A pattern made of them has no metacharacters but the one between them."""
    string = matchers({}, {"pod": names}).partition("=~")[2]
    assert STRING.fullmatch(string)
    pattern = string[1:-1].replace("\\\\x{", "<")
    assert not re.search(r"[.*+?()\[\]^$\\]", re.sub(r"<[0-9a-f]+}", "", pattern))


@pytest.mark.parametrize("name", ["a b", 'x="y"', "", "9a", "ä", "a-b"])
def test_what_is_no_label_s_name_is_refused(name):
    """It cannot be quoted."""
    with pytest.raises(PermanentError, match="not the name of a label"):
        matchers({name: "x"})


def scope(labels=(), pods=("shop-1",)):
    return SimpleNamespace(
        conf=SimpleNamespace(alert=SimpleNamespace(labels=dict(labels))),
        workload=SimpleNamespace(
            target=SimpleNamespace(namespace="shop"), pods=[{"metadata": {"name": name}} for name in pods]
        ),
    )


def test_places_are_filled_once():
    """What a label says is not looked at again."""
    query = Query("q", "Q", "rate(x{$labels}[5m]) + y{$pods}", labels=("service",))
    assert filled(query, scope({"service": "$pods"})) == (
        'rate(x{service="$pods"}[5m]) + y{namespace="shop",pod=~"shop-1"}'
    )


@pytest.mark.parametrize(
    ("query", "place"),
    [(Query("q", "Q", "x{$labels}", labels=("service",)), scope()), (Query("q", "Q", "x{$pods}"), scope(pods=()))],
)
def test_a_query_that_cannot_be_filled_is_not_asked(query, place):
    """It would ask for everything."""
    with pytest.raises(NothingToCollectError):
        filled(query, place)


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({"host": "prometheus", "port": 9090}, "http://prometheus:9090"),
        ({"host": "https://p.example.com/prom/", "port": None}, "https://p.example.com/prom"),
        ({"host": "p.example.com", "port": 443, "schema": "https"}, "https://p.example.com:443"),
    ],
)
def test_where_prometheus_is(connection, url):
    """As people write connections; the password is not shown."""
    given = SimpleNamespace(**{"schema": None, "login": "u", "password": "hush", **connection})
    server = server_of(given)
    assert server.url == url
    assert "hush" not in repr(server)


def test_a_connection_without_address_is_refused():
    """With a word on what is missing."""
    with pytest.raises(PermanentError, match="has no address"):
        server_of(SimpleNamespace(host="", port=None, schema=None, login=None, password=None))
