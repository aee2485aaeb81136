"""The page *Alerts*."""
