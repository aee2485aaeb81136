"""The Kubernetes API as tasks use it: calls, watches, logs, and the states of pods and Jobs."""
