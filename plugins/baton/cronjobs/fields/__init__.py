"""The fields of a CronJob: which there are, and which values Kubernetes refuses."""
