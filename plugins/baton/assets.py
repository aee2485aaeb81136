"""The assets by which DAGs follow one another, named once."""

from airflow.sdk import Asset

WAREHOUSE = Asset("warehouse")
"""The whole warehouse, loaded and validated. Its partition key is the run key of the load."""

INVENTORY = Asset("inventory")
"""The shop's stock, as the warehouse system has it."""

RECONCILED = Asset("reconciled")
"""A trading day's ledger and payments agree, or somebody has approved that they do not."""
