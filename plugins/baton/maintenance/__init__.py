"""What the DAGs of maintenance know about their workloads."""
