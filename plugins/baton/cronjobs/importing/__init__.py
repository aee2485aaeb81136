"""`./baton import`: what becomes of CronJobs as DAGs."""
