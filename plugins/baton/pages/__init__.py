"""Pages in Airflow's web UI."""
