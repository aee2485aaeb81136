"""Schedules: the run key, tables of crons, a cron in words."""
