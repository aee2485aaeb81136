"""The kinds Deployment and ReplicaSet: defaults and refusals that the recorded exchanges do not show."""

import pytest

from local_kubernetes.kinds.deployment import DEPLOYMENT, surge_and_unavailable
from local_kubernetes.kinds.replica_set import REPLICA_SET

TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
SELECTOR = {"matchLabels": {"app": "a"}}


def completed(kind=DEPLOYMENT, pod=None, **spec):
    """An object as it is once its defaults are filled in."""
    template = {**TEMPLATE, "spec": {**TEMPLATE["spec"], **(pod or {})}}
    body = {"selector": SELECTOR, "template": template, **spec}
    return kind.complete({"metadata": {"name": "d"}, "spec": body})


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (None, {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}),
        (
            {"rollingUpdate": {"maxSurge": 1}},
            {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": 1}},
        ),
        ({"type": "Recreate"}, {"type": "Recreate"}),
    ],
)
def test_a_strategy_is_filled_in(strategy, expected):
    """As kube-apiserver does."""
    assert completed(strategy=strategy)["spec"]["strategy"] == expected


@pytest.mark.parametrize(
    ("changes", "causes"),
    [
        ({}, []),
        ({"replicas": -1}, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]),
        ({"selector": None}, ["spec.selector: Required value"]),
        (
            {"selector": {}},
            ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
        ),
        (
            {"pod": {"restartPolicy": "Never"}},
            ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
        ),
        (
            {"pod": {"activeDeadlineSeconds": 1}},
            [
                "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not "
                "Supported"
            ],
        ),
        (
            {"strategy": {"type": "Sometimes"}},
            ['spec.strategy.type: Unsupported value: "Sometimes": supported values: "Recreate", "RollingUpdate"'],
        ),
        (
            {"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}},
            ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
        ),
        (
            {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}},
            [
                'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
            ],
        ),
        (
            {"strategy": {"rollingUpdate": {"maxSurge": "half", "maxUnavailable": "101%"}}},
            [
                'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
                'spec.strategy.rollingUpdate.maxSurge: Invalid value: "half": must be an integer or percentage '
                "(e.g '5%%')",
            ],
        ),
        (
            {"progressDeadlineSeconds": 5, "minReadySeconds": 5},
            ["spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds"],
        ),
    ],
)
def test_each_wrong_field_is_named(changes, causes):
    """In kube-apiserver's words."""
    found = DEPLOYMENT.check(completed(**changes))

    assert [f"{cause.field}: {cause.message}" for cause in found] == causes


@pytest.mark.parametrize("kind", [DEPLOYMENT, REPLICA_SET], ids=lambda kind: kind.kind)
def test_a_selector_never_changes(kind):
    """It says which pods are whose."""
    before = completed(kind)
    after = completed(kind, selector={"matchLabels": {"app": "b"}})

    (cause,) = kind.check_update(before, after)
    assert kind.check_update(before, before) == []
    assert (cause.field, cause.message) == (
        "spec.selector",
        'Invalid value: {"matchLabels":{"app":"b"}}: field is immutable',
    )


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (4, "25%", "25%", (1, 1)),
        (3, "25%", "25%", (1, 0)),
        (10, 3, 2, (3, 2)),
        (1, 0, "50%", (0, 1)),
        (2, 0, 5, (0, 2)),
        (0, "25%", "25%", (0, 0)),
    ],
)
def test_shares_are_rounded_in_favour_of_progress_and_safety(replicas, surge, unavailable, expected):
    """The surge up, what may be missing down, but never both to nothing."""
    spec = completed(replicas=replicas, strategy={"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}})

    assert surge_and_unavailable(spec["spec"]) == expected
