"""Which tables need a vacuum or statistics."""

from typing import Any

import pytest

from baton_workloads.maintenance.needs import Table, need

SERVER = {
    "autovacuum_vacuum_threshold": 50,
    "autovacuum_vacuum_scale_factor": 0.2,
    "autovacuum_vacuum_max_threshold": 100_000_000,
    "autovacuum_vacuum_insert_threshold": 1000,
    "autovacuum_vacuum_insert_scale_factor": 0.2,
    "autovacuum_analyze_threshold": 50,
    "autovacuum_analyze_scale_factor": 0.1,
    "autovacuum_freeze_max_age": 200_000_000,
    "autovacuum_multixact_freeze_max_age": 400_000_000,
}


def table(**state: Any) -> Table:
    """A table of 1,000 rows that needs nothing, unless said otherwise."""
    quiet = {
        "rows": 1000.0, "dead": 0, "modified": 0, "inserted": 0, "never_analysed": False, "xid_age": 1, "mxid_age": 1,
    }  # fmt: skip
    return Table(1, "public", "t", **{**quiet, **state})


@pytest.mark.parametrize(
    ("state", "work"),
    [
        ({}, ""),
        ({"dead": 250}, ""),
        ({"dead": 251}, "vacuum"),
        ({"inserted": 1200}, ""),
        ({"inserted": 1201}, "vacuum"),
        ({"modified": 151}, "analyze"),
        ({"dead": 251, "modified": 151}, "vacuum, analyze"),
        ({"never_analysed": True}, "analyze"),
        ({"never_analysed": True, "rows": 0}, ""),
        ({"xid_age": 200_000_001}, "vacuum freeze"),
        ({"mxid_age": 400_000_001}, "vacuum freeze"),
        ({"rows": 10**10, "dead": 100_000_001}, "vacuum"),  # the largest threshold there is
        ({"rows": -1, "dead": 51}, "vacuum"),  # never counted
        ({"dead": 11, "options": {"autovacuum_vacuum_threshold": "10", "autovacuum_vacuum_scale_factor": "0"}},
         "vacuum"),
        ({"toast_rows": 1000.0, "toast_dead": 250}, ""),
        ({"toast_rows": 1000.0, "toast_dead": 251}, "vacuum"),
        ({"toast_dead": 11, "toast_options": {"autovacuum_vacuum_threshold": "10"}}, "vacuum"),
        ({"inserted": 10**6, "options": {"autovacuum_vacuum_insert_threshold": "-1"}}, ""),
    ],
)  # fmt: skip
def test_what_a_table_needs(state: dict[str, Any], work: str) -> None:
    """The thresholds are autovacuum's, the table's own ones win; each need has its reason."""
    found = need(table(**state), SERVER, share=1)
    assert (found.work, bool(found.why)) == (work, bool(work))


def test_a_share_asks_earlier() -> None:
    """Half of autovacuum's threshold is enough when told so."""
    assert need(table(dead=126), SERVER, share=0.5).why == ("126 dead rows, 50 % of autovacuum's limit",)


def test_an_older_server_lacks_some_settings() -> None:
    """What it does not have sets no limit."""
    older = {name: value for name, value in SERVER.items() if name != "autovacuum_vacuum_max_threshold"}
    assert need(table(rows=10**10, dead=100_000_001), older, share=1).work == ""
