"""What every object's metadata must obey."""

from __future__ import annotations

import pytest

from local_kubernetes.metadata_check import check_metadata, check_new_finalizers

OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"}


@pytest.mark.parametrize(
    ("metadata", "field", "message"),
    [
        ({"labels": {"a b": "x"}}, "metadata.labels", 'Invalid value: "a b": name part must consist of'),
        ({"labels": {"a": "x y"}}, "metadata.labels", 'Invalid value: "x y": a valid label must be an empty string or'),
        ({"labels": {"a": "x" * 64}}, "metadata.labels", "must be no more than 63 characters"),
        ({"labels": {"x" * 64: ""}}, "metadata.labels", "name part must be no more than 63 characters"),
        ({"labels": {"a/b/c": "x"}}, "metadata.labels", "a valid label key must consist of"),
        ({"labels": {"A_B/c": "x"}}, "metadata.labels", "prefix part a lowercase RFC 1123 subdomain"),
        ({"labels": {"/c": "x"}}, "metadata.labels", "prefix part must be non-empty"),
        ({"annotations": {"A b": "x"}}, "metadata.annotations", 'Invalid value: "A b": name part'),
        ({"annotations": {"a": "x" * 262145}}, "metadata.annotations", "Too long: may not be more than 262144 bytes"),
        ({"finalizers": ["a b"]}, "metadata.finalizers", 'Invalid value: "a b": name part'),
        ({"ownerReferences": [{**OWNER, "uid": ""}]}, "metadata.ownerReferences.uid",
         'Invalid value: "": must not be empty'),
        ({"ownerReferences": [{**OWNER, "controller": True}] * 2}, "metadata.ownerReferences",
         'Found "true" in references for Pod/p and Pod/p'),
    ],
)  # fmt: skip
def test_wrong_metadata_is_refused_for_its_field(metadata, field, message):
    """In the real server's words."""
    causes = check_metadata(metadata)

    assert causes[0].field == field
    assert message in causes[0].message


def test_ordinary_metadata_passes():
    """Prefixes, empty values, capitals in annotations."""
    labels = {"app.kubernetes.io/name": "x", "a": "", "B_c.d-e": "1"}
    assert check_metadata({"labels": labels, "annotations": {"Example.com/A": "any thing"}}) == []
    assert check_metadata({"ownerReferences": [OWNER], "finalizers": ["example.com/f", "orphan"]}) == []


def test_what_is_deleted_takes_no_new_finalizers():
    """Or it would never go."""
    deleted = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a/b"]}
    [cause] = check_new_finalizers(deleted, {"finalizers": ["a/b", "c/d"]})
    assert cause.message.endswith('found new finalizers []string{"c/d"}')
    assert check_new_finalizers(deleted, {}) == []
    assert check_new_finalizers({}, {"finalizers": ["c/d"]}) == []
