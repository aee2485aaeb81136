"""VACUUM of a real database, also of one in which somebody holds locks."""

import psycopg
import pytest
from tests.workloads.maintenance.shops import Shop

NO_AUTOVACUUM = "ALTER TABLE {} SET (autovacuum_enabled = off)"
QUICK = ("--lock-seconds", "0.5")


@pytest.fixture
def worn(shop: Shop) -> Shop:
    """A shop with dead rows in two tables."""
    for table in ("products", "sync_watermarks"):
        shop.execute(NO_AUTOVACUUM.format(table))
    shop.execute(
        "INSERT INTO products (sku, name, category, price, cost)"
        " SELECT i, 'n', 'c', 1, 1 FROM generate_series(1, 2000) i",
        "INSERT INTO sync_watermarks SELECT i, now() FROM generate_series(1, 500) i",
        "ANALYZE",
        "DELETE FROM products WHERE id % 2 = 0; SELECT pg_stat_force_next_flush()",
        "DELETE FROM sync_watermarks; SELECT pg_stat_force_next_flush()",
    )
    return shop


def dead(shop: Shop, table: str) -> int:
    """Count a table's dead rows as the statistics have them."""
    return int(shop.value(f"SELECT pg_stat_get_dead_tuples('{table}'::regclass)"))


def test_what_is_due_is_vacuumed_and_told(worn: Shop) -> None:
    """Both tables lose their dead rows; the report has before and after, and why."""
    result = worn.run("vacuum").result
    tables = {entry["table"]: entry for entry in result["tables"]}
    assert {"public.products", "public.sync_watermarks"} <= tables.keys()
    entry = tables["public.products"]
    assert (entry["before"]["dead"], entry["after"]["dead"], dead(worn, "products")) == (1000, 0, 0)
    assert entry["work"] == "vacuum, analyze"
    assert "1000 dead rows" in entry["why"][0]
    assert worn.run("vacuum").result["tables"] == []


def test_a_dry_run_changes_nothing(worn: Shop) -> None:
    """It names what is due."""
    outcome = worn.run("vacuum", "--dry-run")
    assert "public.products" in outcome.result["left"]
    assert dead(worn, "products") == 1000


@pytest.mark.parametrize("mode", ["ACCESS EXCLUSIVE", "SHARE UPDATE EXCLUSIVE"])
def test_a_locked_table_is_named_and_the_others_are_done(worn: Shop, mode: str) -> None:
    """Nothing hangs: exit 75 with the table, the pid and the application; no text of a query."""
    with psycopg.connect(worn.dsn, application_name="billing") as holder:
        holder.execute(f"LOCK TABLE products IN {mode} MODE".encode())
        outcome = worn.run("vacuum", *QUICK)
        assert outcome.code == 75
        assert (
            f"public.products is locked by pid {holder.info.backend_pid} (billing, idle in transaction)"
            in outcome.error
        )
        assert "LOCK TABLE" not in outcome.stderr
    assert (dead(worn, "products"), dead(worn, "sync_watermarks")) == (1000, 0)
    assert worn.run("vacuum", *QUICK).code == 0


def test_the_time_is_up(worn: Shop) -> None:
    """What is left is named, and is due the next time."""
    result = worn.run("vacuum", "--max-seconds", "0.000001").result
    assert (result["outcome"], result["tables"]) == ("out_of_time", [])
    assert "public.products" in result["left"]


def test_a_role_that_may_not_is_told_so(worn: Shop) -> None:
    """The server only warns and skips the table; that is no success."""
    worn.more["BATON_SHOP_MAINTAINER_DSN"] = worn.as_role("shop_worker")
    outcome = worn.run("vacuum")
    assert (outcome.code, "pg_maintain" in outcome.error) == (78, True)
