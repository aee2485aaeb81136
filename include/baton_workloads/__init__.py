"""What runs inside pods: plain Python, no Airflow. Started as ``python -m baton_workloads GROUP COMMAND``."""
