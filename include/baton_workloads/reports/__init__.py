"""Reports: one data model, rendered as HTML, PDF and Slack blocks. See docs/reports.md."""
