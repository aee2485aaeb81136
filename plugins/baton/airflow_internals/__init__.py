"""What touches parts of Airflow that Airflow does not promise to keep: one module for each, with a contract test."""
