"""What tells people that runs fail, recover, or no longer start: from outside Airflow, over its stable REST API."""
