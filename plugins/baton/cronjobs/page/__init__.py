"""The page *CronJob chains*."""
