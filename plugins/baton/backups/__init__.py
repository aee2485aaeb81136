"""What the DAGs of backups know about their stages."""
