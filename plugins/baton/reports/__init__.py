"""Delivery of reports: what was rendered in a pod reaches its readers, once."""
