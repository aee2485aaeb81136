"""Pools are declared once and read by Airflow's own import command."""

import json

from airflow.models.pool import Pool as PoolRow

from baton import pools


def test_import_file_holds_what_airflows_import_command_requires():
    """Each pool has slots and a description, and counts tasks that wait for their pod."""
    content = json.loads(pools.as_import_file())
    assert list(content) == [pool.name for pool in pools.POOLS]
    for settings in content.values():
        assert {"slots", "description"} <= settings.keys()
        assert settings["include_deferred"] is True


def test_names_are_unique_and_not_airflows_own():
    """A second declaration of a name would silently win."""
    names = [pool.name for pool in pools.POOLS]
    assert len(set(names)) == len(names)
    assert PoolRow.DEFAULT_POOL_NAME not in names
