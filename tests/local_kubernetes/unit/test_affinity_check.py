"""What kube-apiserver says of a pod's affinity to other pods (pkg/apis/core/validation, v1.36)."""

from typing import Any

import pytest

from local_kubernetes.kinds.affinity_check import check_affinity

REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
HOST = "kubernetes.io/hostname"


@pytest.mark.parametrize("kind", ["podAffinity", "podAntiAffinity"])
@pytest.mark.parametrize(
    ("rules", "field", "reasons"),
    [
        ({REQUIRED: [{}]}, f"{REQUIRED}[0].topologyKey", ["FieldValueRequired", *["FieldValueInvalid"] * 2]),
        (
            {REQUIRED: [{"topologyKey": HOST}, {"topologyKey": "a b"}]},
            f"{REQUIRED}[1].topologyKey",
            ["FieldValueInvalid"],
        ),
        (
            {PREFERRED: [{"weight": 1, "podAffinityTerm": {}}]},
            f"{PREFERRED}[0].podAffinityTerm.topologyKey",
            ["FieldValueRequired", *["FieldValueInvalid"] * 2],
        ),
        (
            {PREFERRED: [{"weight": 0, "podAffinityTerm": {"topologyKey": HOST}}]},
            f"{PREFERRED}[0].weight",
            ["FieldValueInvalid"],
        ),
        (
            {PREFERRED: [{"weight": 101, "podAffinityTerm": {"topologyKey": HOST}}]},
            f"{PREFERRED}[0].weight",
            ["FieldValueInvalid"],
        ),
    ],
)
def test_refuses_a_term_without_a_key_or_with_a_wrong_weight(
    kind: str, rules: dict[str, Any], field: str, reasons: list[str]
) -> None:
    """Each wrong term is named by its field, as the real server does."""
    causes = check_affinity({kind: rules}, "spec.affinity")
    assert [(cause.field, cause.reason) for cause in causes] == [
        (f"spec.affinity.{kind}.{field}", reason) for reason in reasons
    ]


@pytest.mark.parametrize(
    "affinity",
    [
        {},
        {"nodeAffinity": {PREFERRED: [{"weight": 1, "preference": {}}]}},
        {"podAffinity": {REQUIRED: [{"topologyKey": HOST}]}},
        {"podAntiAffinity": {PREFERRED: [{"weight": 100, "podAffinityTerm": {"topologyKey": HOST}}]}},
    ],
)
def test_lets_sound_terms_pass(affinity: dict[str, Any]) -> None:
    """A key and a weight from 1 to 100 are all that is asked for."""
    assert check_affinity(affinity, "spec.affinity") == []
