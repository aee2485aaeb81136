"""Bodies checked against the table of fields."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubernetes_values import message, message_name
from local_kubernetes.schema.decoding import DecodeError, Decoder

NAMES = st.sampled_from(["metadata", "spec", "containers", "labels", "ports", "env", "resources", "limits", "x"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("kind", "body", "unknown"),
    [
        ("core.Pod", {"spec": {"nonsense": 1}}, ["spec.nonsense"]),
        ("core.Pod", {"spec": {"containers": [{"name": "a"}, {"imagee": "x"}]}}, ["spec.containers[1].imagee"]),
        ("core.ConfigMap", {"data": {"anything": "x"}}, []),
        ("core.Pod", {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}, []),  # an inlined message's field
        ("batch.Job", {"spec": {"template": {"spec": {"x": 1}}}, "y": 2}, ["spec.template.spec.x", "y"]),
    ],
)
def test_unknown_fields_are_named_and_dropped(kind, body, unknown):
    """Each one by its path, list positions included."""
    decoder = Decoder()

    decoded = decoder.decode(kind, body)

    assert decoder.unknown == unknown
    again = Decoder()
    assert again.decode(kind, decoded) == decoded
    assert again.unknown == []


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("batch.CronJob", {"spec": {"suspend": "yes"}},
         "json: cannot unmarshal string into Go struct field CronJobSpec.spec.suspend of type bool"),
        ("core.Pod", {"spec": {"containers": {}}},
         "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container"),
        ("core.Pod", {"spec": {"containers": [{"image": 1}]}},
         "json: cannot unmarshal number into Go struct field Container.spec.containers.image of type string"),
        ("core.Pod", {"spec": {"containers": [{"imagePullPolicy": 1}]}},
         "json: cannot unmarshal number into Go struct field Container.spec.containers.imagePullPolicy of type "
         "v1.PullPolicy"),
        ("core.Pod", {"metadata": {"labels": {"a": 1}}},
         "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"),
        ("batch.Job", {"spec": {"parallelism": 1.5}},
         "json: cannot unmarshal number 1.5 into Go struct field JobSpec.spec.parallelism of type int32"),
        ("core.Secret", {"data": {"a": "%%%"}}, "illegal base64 data at input byte 0"),
        ("core.Pod", {"metadata": {"creationTimestamp": "yesterday"}},
         'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"'),
    ],
)  # fmt: skip
def test_wrong_types_are_told_in_the_words_of_go(kind, body, message):
    """Clients match these texts."""
    with pytest.raises(DecodeError) as caught:
        Decoder().decode(kind, body)
    assert str(caught.value) == message


def test_what_go_omits_is_gone_and_what_it_embeds_is_there():
    """Nulls and empty values go; messages by value stay, pointers keep what they hold."""
    body = {
        "metadata": {"name": "x", "labels": {}, "annotations": None},
        "spec": {
            "containers": [{"name": "c", "image": ""}],
            "hostNetwork": False,
            "automountServiceAccountToken": False,
        },
    }

    assert Decoder().decode("core.Pod", body) == {
        "metadata": {"name": "x"},
        "spec": {"containers": [{"name": "c", "resources": {}}], "automountServiceAccountToken": False},
        "status": {},
    }


def test_kinds_of_other_groups_have_no_message():
    """A custom resource is not in the table."""
    assert message_name("example.com", "Thing") is None
    assert message_name("", "Pod") == "core.Pod"


def test_inlined_messages_are_one_with_their_holder():
    """JSON knows no VolumeSource, protobuf does."""
    volume = message("core.Volume")
    assert "emptyDir" in volume.fields
    assert [field.name for field in volume.own.values()] == ["name", "-"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_any_json_is_decoded_or_refused(body):
    """Nothing that a client sends crashes; what was decoded once stays as it is."""
    try:
        decoded = Decoder().decode("core.Pod", body)
    except DecodeError:
        return
    assert Decoder().decode("core.Pod", decoded) == decoded
