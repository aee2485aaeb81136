"""Baton's part of Airflow's API server."""
