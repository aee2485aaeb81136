"""The DAGs that this project has, written down once more so that none disappears unseen."""

DAG_IDS = [
    "alert_low_stock",
    "back_up_platform",
    "clean_up_cluster",
    "clean_up_data",
    "collect_diagnostics",
    "post_alert_digest",
    "heal_workloads",
    "load_warehouse",
    "maintain_postgres",
    "post_weekly_summary",
    "process_hourly_data",
    "process_pending_items",
    "reconcile_finances",
    "replicate_backups",
    "report_daily_sales",
    "report_monthly_business",
    "report_weekly_inventory",
    "rotate_logs",
    "run_job_template",
    "send_daily_summary",
    "sync_inventory",
    "warm_caches",
]
CRONJOB_DAG_IDS = ["expire-signatures", "remind-signers"]
JOB_DAG_IDS = ["CleanupJobExecutions", "ProcessPendingWebhooks"]
"""Those of the job files."""
