"""Custom resources with the real kubectl: an applied definition is a kind like any other."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.timeout(120)
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: backups.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: backups, singular: backup, kind: Backup, shortNames: [bk], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [target]
            properties:
              target: {type: string, minLength: 2, pattern: '^[a-z]+$'}
              size: {type: integer, default: 3, minimum: 1}
              replicas: {type: integer}
              mode: {type: string, enum: [full, part]}
              port: {x-kubernetes-int-or-string: true}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
  - name: v1beta1
    served: true
    storage: false
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
BACKUP = """
apiVersion: example.com/v1
kind: Backup
metadata: {name: b}
spec: {target: db, port: http}
"""


@pytest.fixture
def defined(kubectl):
    """The definition, established; gone with its objects afterwards."""
    kubectl("apply", "-f", "-", text=DEFINITION)
    kubectl("wait", "--for=condition=Established", "crd/backups.example.com", "--timeout=10s")
    yield kubectl
    kubectl("delete", "crd", "backups.example.com")


def test_objects_are_defaulted_listed_patched_and_scaled(defined):
    """apply, get by short name with its columns, status, scale, label, another served version."""
    kubectl = defined
    assert kubectl("apply", "-f", "-", text=BACKUP) == "backup.example.com/b created\n"
    assert kubectl("apply", "-f", "-", text=BACKUP) == "backup.example.com/b unchanged\n"
    kubectl("patch", "bk", "b", "--subresource=status", "--type=merge",
            "-p", '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}')  # fmt: skip
    assert kubectl("get", "bk").split() == ["NAME", "SIZE", "READY", "b", "3", "True"]
    kubectl("scale", "bk", "b", "--replicas=2")
    found = json.loads(kubectl("get", "backups.v1beta1.example.com", "b", "-o", "json"))
    assert (found["apiVersion"], found["spec"]["replicas"]) == ("example.com/v1beta1", 2)
    assert found["metadata"]["generation"] == 2
    assert "backup.example.com/b" in kubectl("get", "all")
    listed = json.loads(kubectl("get", "--raw", "/apis/example.com/v1/backups"))
    assert listed["kind"] == "BackupList"
    assert [item["kind"] for item in listed["items"]] == ["Backup"]


@pytest.mark.parametrize(
    ("patch", "complaint"),
    [
        ('{"spec":{"target":"X"}}', 'spec.target: Invalid value: "X": spec.target in body should match'),
        ('{"spec":{"target":null}}', "spec.target: Required value"),
        ('{"spec":{"size":0}}', "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ('{"spec":{"mode":"x"}}', 'spec.mode: Unsupported value: "x": supported values: "full", "part"'),
        ('{"spec":{"size":"x"}}', 'spec.size: Invalid value: "string": spec.size in body must be of type integer'),
        ('{"spec":{"port":true}}', 'spec.port in body must be of type integer,string: "boolean"'),
    ],
)
def test_the_schema_refuses_with_the_name_of_the_field(defined, patch, complaint):
    """As the real server words it."""
    defined("apply", "-f", "-", text=BACKUP)

    assert complaint in defined("patch", "bk", "b", "--type=merge", "-p", patch, code=1)


def test_unknown_fields_are_refused_or_pruned(defined):
    """kubectl asks for strictness; without it the field is dropped."""
    unknown = BACKUP.replace("port: http", "nonsense: 1")

    assert 'unknown field "spec.nonsense"' in defined("apply", "-f", "-", text=unknown, code=1)
    metadata = BACKUP.replace("name: b", "name: b, nonsense: 1")
    assert 'unknown field "metadata.nonsense"' in defined("apply", "-f", "-", text=metadata, code=1)
    defined("apply", "--validate=false", "-f", "-", text=unknown)
    assert json.loads(defined("get", "bk", "b", "-o", "json"))["spec"] == {"target": "db", "size": 3}


def test_a_definition_that_is_wrong_is_refused(kubectl):
    """A name that does not fit, and conversion by a webhook, which is not done here."""
    wrong = DEFINITION.replace("name: backups.example.com", "name: other.example.com")
    assert 'must be spec.names.plural+"."+spec.group' in kubectl("apply", "-f", "-", text=wrong, code=1)
    webhook = DEFINITION.replace("scope:", "conversion: {strategy: Webhook}\n  scope:")
    assert "conversion webhooks are not called" in kubectl("apply", "-f", "-", text=webhook, code=1)


def test_definitions_and_their_objects_survive_a_restart(own_server):
    """The kind is served from the first request on."""
    from kubernetes.client import ApiextensionsV1Api, CustomObjectsApi

    names = {"plural": "things", "singular": "thing", "kind": "Thing"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    with own_server.client() as client:
        ApiextensionsV1Api(client).create_custom_resource_definition(
            {"metadata": {"name": "things.example.com"}, "spec": spec}
        )
        thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}}
        CustomObjectsApi(client).create_namespaced_custom_object("example.com", "v1", "own", "things", thing)
    own_server.kill()
    own_server.start()

    with own_server.client() as client:
        found = CustomObjectsApi(client).list_namespaced_custom_object("example.com", "v1", "own", "things")
    assert [item["metadata"]["name"] for item in found["items"]] == ["t"]
