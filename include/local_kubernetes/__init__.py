"""A Kubernetes API on one machine which runs pods as local processes.

Why: a DAG that runs pods can be developed, shown and tested without a cluster; the clients stay the real ones.
It is for development and tests: images are not pulled, an image's name maps to a runtime of this machine.
"""
