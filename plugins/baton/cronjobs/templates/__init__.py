"""Where a Job's template comes from."""
