"""Which CronJob follows which: as written in files, and as proposed."""
