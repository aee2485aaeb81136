"""The assets by which DAGs follow one another, named once."""

from airflow.sdk import Asset

BACKUPS = Asset("backups")
"""A backup of the platform that was restored and compared; older ones have been pruned."""

WAREHOUSE = Asset("warehouse")
"""The whole warehouse, loaded and validated. Its partition key is the run key of the load."""

INVENTORY = Asset("inventory")
"""The shop's stock, as the warehouse system has it."""

DEPLOYMENT = Asset("deployment")
"""A new version of the application is live; whoever deploys it posts the event."""

CACHES_INVALIDATED = Asset("caches_invalidated")
"""The application has emptied its caches; whoever did so posts the event."""

RECONCILED = Asset("reconciled")
"""A trading day's ledger and payments agree, or somebody has approved that they do not."""
