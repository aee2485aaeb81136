"""Which workloads are unhealthy by rule, how often they were restarted, and the restart itself."""
