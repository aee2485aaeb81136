"""The assets by which DAGs follow one another, named once."""

from airflow.sdk import Asset

WAREHOUSE = Asset("warehouse")
"""The whole warehouse, loaded and validated. Its partition key is the run key of the load."""
