"""Kubernetes Jobs as CronJobs make them: their templates, their names, when they may start, how they end."""
