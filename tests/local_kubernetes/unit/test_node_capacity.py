"""What a pod requests, and the words for what is lacking."""

from decimal import Decimal

import pytest

from local_kubernetes.node_capacity import request, unavailable
from local_kubernetes.runtime.sidecar import traps_term


def container(cpu=None, limit=None, **spec):
    resources = {"requests": {"cpu": cpu} if cpu else {}, "limits": {"cpu": limit} if limit else {}}
    return {"name": "c", "resources": resources, **spec}


@pytest.mark.parametrize(
    ("spec", "amount"),
    [
        ({"containers": [container()]}, "0"),
        ({"containers": [{"name": "c"}]}, "0"),
        ({"containers": [container("100m"), container("0.25")]}, "0.35"),
        ({"containers": [container(limit="2")]}, "2"),
        ({"containers": [container("1", limit="2")]}, "1"),
        ({"containers": [container("1")], "initContainers": [container("3"), container("2")]}, "3"),
        ({"containers": [container("1")], "initContainers": [container("500m", restartPolicy="Always")]}, "1.5"),
    ],
)
def test_a_pod_requests_what_it_needs_at_once(spec, amount):
    """Containers together, init containers one after the other; a limit without a request counts."""
    assert request({"spec": spec}, "cpu") == Decimal(amount)


@pytest.mark.parametrize(
    ("script", "traps"),
    [
        ('trap "exit 0" INT; while true; do sleep 1; done;', False),  # the provider's side-car
        ("trap 'exit 0' INT TERM; while true; do sleep 3600 & wait; done", True),
        ("trap stop SIGTERM; sleep 1", True),
        ("trap 'exit 0' 15", True),
        ("trap '' TERM; sleep 1", False),
        ("trap - TERM; sleep 1", False),
        ("echo TERM", False),
    ],
)
def test_a_shell_has_a_handler_where_it_traps(script, traps):
    """The emulated side-car ends by SIGTERM where a shell would."""
    assert traps_term(script) is traps


def test_the_words_are_a_schedulers():
    """As recorded (v1.36): whether less important pods could make room."""
    assert unavailable("1 Insufficient cpu", helps=True) == (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are "
        "available: 1 No preemption victims found for incoming pod."
    )
    assert unavailable("1 node(s) were unschedulable", helps=False).endswith(
        "1 Preemption is not helpful for scheduling."
    )
