"""A backup from dump to proof, and back."""

from typing import Any


def test_a_backup_goes_all_the_way(backups: Any) -> None:
    """Dumped, sealed, read back, restored, compared: every table with the rows that the source has."""
    name = backups.sealed()
    verified = backups.run("verify", name).result
    proven = backups.run("drill", name).result
    assert verified["digest"] == proven["digest"]
    tables = proven["compared"]["shop"]
    assert {table: item["restored_rows"] for table, item in tables.items()} == {
        "public.people": 501, "public.visits": 2000, "public.empty": 0, "public.measured": 0,
        "public.measured_old": 11, "public.measured_new": 19, 'public."odd name"': 3,
    }  # fmt: skip
    assert all(item["same"] for item in tables.values())
