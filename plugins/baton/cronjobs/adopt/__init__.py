"""`./baton adopt`: a CronJob's ticks change hands, from the cluster to Airflow and back."""
