"""A cluster to import from."""

from local_kubernetes.testing import local_kubernetes, local_kubernetes_server  # noqa: F401 - fixtures
