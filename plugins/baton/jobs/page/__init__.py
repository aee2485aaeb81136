"""The page *Jobs* in Airflow's UI, drawn from the jobs API."""
