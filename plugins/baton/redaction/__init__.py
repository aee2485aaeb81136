"""Secrets are taken out of what people will read: logs, manifests, archives, alerts."""
