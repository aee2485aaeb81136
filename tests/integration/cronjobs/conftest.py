"""A cluster to import from."""

from baton_local.kubernetes.testing import local_kubernetes, local_kubernetes_server  # noqa: F401 - fixtures
