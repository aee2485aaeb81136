"""Manifest files: found, read as Kubernetes reads them, and the CronJobs in them."""
