"""The jobs API: every DAG as a job, for callers who do not know Airflow. Below `/baton/v1`; see docs/jobs-api.md."""
