"""The import of CronJobs and the local Kubernetes refuse the same values, each in its own words."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from tests.unit.baton.cronjobs.test_fields import changed

from baton.cronjobs.fields.checking import check
from baton.cronjobs.fields.values import wrong_key, wrong_labels
from local_kubernetes.errors import ApiError
from local_kubernetes.kinds.pod_check import check_spec, quantity
from local_kubernetes.metadata_check import check_labels, check_metadata
from local_kubernetes.names import check_label_key
from local_kubernetes.schema.decoding import DecodeError, Decoder

TEXTS = some.text(alphabet="aZ09-_./ é\n", max_size=8) | some.text(alphabet="a/.", min_size=60, max_size=70)
AMOUNTS = some.from_regex(r"[-+]?[0-9.]{1,4}([numkKMGTPE]i?|e-?[0-9]{1,3})?\s?", fullmatch=True) | some.text(max_size=4)


@given(TEXTS)
@example("a/b/c")
@example("/a")
@example("a/")
def test_keys_of_labels(text):
    """A key that the import takes is not refused by its run."""
    assert (wrong_key(text) is None) is (check_label_key(text, "f") == [])


@given(TEXTS)
def test_values_of_labels(text):
    """Values as well as keys."""
    assert (list(wrong_labels({"a": text})) == []) is (check_labels({"a": text}, "f") == [])


@given(some.dictionaries(TEXTS, some.text(max_size=3), max_size=2))
@example({"a": "b" * 2**18})
@example({"a": "é" * (2**17 - 1)})
def test_annotations(annotations):
    """Keys in lower case, and all of them together within the limit."""
    refused = any("annotations" in path for path, _ in check(changed("metadata.annotations", annotations)))
    assert refused is (check_metadata({"annotations": annotations}) != [])


@given(AMOUNTS)
@example("1e99")
@example(" 1 ")
def test_amounts(text):
    """What is none for one is none for the other."""
    content = changed("POD.volumes", [{"name": "v", "emptyDir": {"sizeLimit": text}}])
    try:
        quantity(text)
        is_amount = True
    except ApiError:
        is_amount = False
    assert any("a quantity such as" in why for _, why in check(content)) is not is_amount


@pytest.mark.parametrize(
    "text", ["2026-01-31T12:00:00Z", "2026-01-31", "2026-13-01T00:00:00Z", "20260131T120000Z", "now"]
)
def test_times(text):
    """A moment that Python reads and Go does not is none."""
    content = changed("metadata.creationTimestamp", text)
    try:
        Decoder().decode("meta.ObjectMeta", {"creationTimestamp": text})
        is_time = True
    except DecodeError:
        is_time = False
    assert (check(content) == []) is is_time


@given(some.text(alphabet="aA0_-.= é\n{", min_size=1, max_size=5))
@example("a b")
@example("1")
def test_variables(name):
    """Printable ASCII without =, as Kubernetes takes them since 1.34."""
    container = {"name": "main", "image": "a", "imagePullPolicy": "Always", "env": [{"name": name}]}
    content = changed("POD.containers.0.env", [{"name": name}])
    assert (check(content) == []) is (check_spec({"containers": [container], "restartPolicy": "Never"}, "spec") == [])
