"""The idempotent job: may be started twice, killed at any moment and run beside itself. See docs/idempotent-jobs.md."""
