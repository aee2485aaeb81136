"""Kubernetes CronJobs as DAGs: their manifests, chains and schedules, and the Jobs that a task runs for them."""
