"""The command line of stock."""

import click

from baton_workloads import result


@click.group()
def inventory() -> None:
    """Stock: sync."""


@inventory.command("sync")
def sync_command() -> None:
    """Read what changed at BATON_INVENTORY_API_URL into the inventory of BATON_SHOP_WORKER_DSN."""
    from baton_workloads.environment import required
    from baton_workloads.inventory.api import stock_api
    from baton_workloads.inventory.sync import sync

    with stock_api(required("BATON_INVENTORY_API_URL"), required("BATON_INVENTORY_API_TOKEN")) as api:
        result.emit(sync(required("BATON_SHOP_WORKER_DSN"), api))
