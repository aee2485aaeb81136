"""Alerts in, runs out: what the receiver at `/alerts` does with a webhook."""
