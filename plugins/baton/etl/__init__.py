"""What the DAGs of the warehouse chain know about datasets."""
