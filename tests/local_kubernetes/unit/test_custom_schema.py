"""What a CustomResourceDefinition's schema does to objects."""

from __future__ import annotations

import pytest

from local_kubernetes.kinds import custom_schema
from local_kubernetes.kinds.custom import kinds_of

ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
SCHEMA = {
    "type": "object",
    "required": ["spec", "metadata"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["n"],
            "properties": {
                "n": {"type": "integer", "default": 3, "maximum": 10, "exclusiveMaximum": True},
                "free": ANYTHING,
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "items": {
                    "type": "array",
                    "maxItems": 2,
                    "items": {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}},
                },
                "pod": {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {"spec": ANYTHING}},
                "maybe": {"type": "string", "nullable": True, "maxLength": 2},
            },
        }
    },
}


@pytest.mark.parametrize(
    ("spec", "kept", "unknown"),
    [
        ({"n": 1, "x": 1}, {"n": 1}, ["spec.x"]),
        ({"free": {"a": {"b": 1}}}, {"free": {"a": {"b": 1}}}, []),
        ({"labels": {"any": "thing"}}, {"labels": {"any": "thing"}}, []),
        ({"items": [{"a": "1"}, {"b": 2}]}, {"items": [{"a": "1"}, {}]}, ["spec.items[1].b"]),
        ({"pod": {"kind": "Pod", "metadata": {"name": "p"}, "x": 1}},
         {"pod": {"kind": "Pod", "metadata": {"name": "p"}}}, ["spec.pod.x"]),
    ],
)  # fmt: skip
def test_unknown_fields_are_pruned_and_named(spec, kept, unknown):
    """But where anything goes, and in an embedded object's own metadata."""
    obj = {"kind": "Thing", "metadata": {"name": "t"}, "spec": spec}

    assert custom_schema.prune(obj, SCHEMA, resource=True) == ({**obj, "spec": kept}, unknown)


def test_defaults_fill_what_is_missing_or_null():
    """A null stays where the schema allows it."""
    spec = {"n": None, "items": [{}], "maybe": None}

    assert custom_schema.with_defaults({"spec": spec}, SCHEMA) == {
        "spec": {"n": 3, "items": [{"a": "x"}], "maybe": None}
    }
    assert custom_schema.with_defaults({}, SCHEMA) == {}


@pytest.mark.parametrize(
    ("spec", "causes"),
    [
        ({"n": 1, "maybe": None}, []),
        (None, [("spec", "FieldValueRequired", "Required value")]),
        ({}, [("spec.n", "FieldValueRequired", "Required value")]),
        ({"n": 10}, [("spec.n", "FieldValueInvalid", "Invalid value: 10: spec.n in body should be less than 10")]),
        ({"n": 1, "maybe": "abc"}, [("spec.maybe", "FieldValueTooLong", "Too long: may not be more than 2 bytes")]),
        ({"n": 1, "items": [{}, {}, {}]},
         [("spec.items", "FieldValueTooMany", "Too many: 3: must have at most 2 items")]),
        ({"n": 1, "items": [{"a": 1}]},
         [("spec.items[0].a", "FieldValueTypeInvalid",
           'Invalid value: "integer": spec.items[0].a in body must be of type string: "integer"')]),
    ],
)  # fmt: skip
def test_values_are_checked_in_the_real_server_s_words(spec, causes):
    """Field, reason, sentence."""
    obj = {"metadata": {"name": "t"}} | ({} if spec is None else {"spec": spec})

    found = custom_schema.check(obj, SCHEMA)

    assert [(cause.field, cause.reason, cause.message) for cause in found] == causes


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (".spec.a", "1"),
        (".spec.list[*].b", "x"),
        (".spec.list[1].b", "y"),
        ('.spec.list[?(@.b=="y")].c', '{"d":1}'),
        (".spec.nothing", None),
        (".metadata.labels['example.com/x']", "z"),
    ],
)
def test_columns_read_simple_json_paths(path, shown):
    """What additionalPrinterColumns may say."""
    column = {"name": "C", "type": "string", "jsonPath": path}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}
    names = {"plural": "ts", "singular": "t", "kind": "T", "listKind": "TList"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names}
    [kind] = kinds_of({"spec": {**spec, "versions": [{**version, "additionalPrinterColumns": [column]}]}})
    items = [{"b": "x"}, {"b": "y", "c": {"d": 1}}]

    obj = {"metadata": {"name": "t", "labels": {"example.com/x": "z"}}, "spec": {"a": "1", "list": items}}

    assert [one.value(obj) for one in kind.columns] == ["t", shown]
