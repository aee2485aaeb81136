"""What Kubernetes would refuse is refused when the file is read."""

from pathlib import Path

import pytest
import yaml
from tests.unit.baton.jobs.conftest import cronjob

from baton.jobs.fields import check
from baton.jobs.fields_table import TABLE, extract
from baton.jobs.manifests_yaml import written

WHOLE_TABLE = Path(__file__).parents[4] / "include" / "baton_local" / "kubernetes" / "schema" / "fields.txt"
POD = "spec.jobTemplate.spec.template.spec"


def changed(path, value):
    """A manifest with one field changed; None removes it."""
    content = yaml.safe_load(cronjob())
    *parents, last = path.replace("POD", POD).split(".")
    place = content
    for part in parents:
        place = place[int(part)] if part.isdigit() else place.setdefault(part, {})
    if value is None:
        del place[last]
    else:
        place[last] = value
    return content


def test_table_is_the_local_kubernetes():
    """Else a new release of Kubernetes would have to be told twice."""
    assert TABLE.read_text().splitlines() == list(extract(WHOLE_TABLE))


def test_right_manifest_has_nothing_wrong():
    """Nor has one with fields of every shape."""
    assert check(yaml.safe_load(cronjob())) == []
    content = changed("POD.volumes", [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "p", "hostPath": None}])
    content["metadata"] |= {"labels": {"a": "b"}, "creationTimestamp": None}
    content["status"] = {}
    assert check(content) == []


@pytest.mark.parametrize(
    ("path", "value", "found", "why"),
    [
        ("spec.concurencyPolicy", "Forbid", None, "unknown field; did you mean concurrencyPolicy?"),
        ("POD.containers.0.comand", ["a"], "POD.containers[0].comand", "unknown field; did you mean command?"),
        ("POD.containers.0.env", [{"name": "A", "value": 1}], "POD.containers[0].env[0].value", "(put it in quotes)"),
        ("POD.containers.0.env", {"A": "1"}, "POD.containers[0].env", "must be a list, is a mapping"),
        ("POD.containers.0.args", "a b", "POD.containers[0].args", "must be a list, is 'a b'"),
        ("spec.suspend", "true", None, "must be true or false, is 'true'"),
        ("spec.jobTemplate.spec.backoffLimit", "3", None, "must be a whole number, is '3'"),
        ("POD.containers.0.resources", {"limits": {"cpu": "1 core"}}, "POD.containers[0].resources.limits.cpu", "2Gi"),
        ("apiVersion", "batch/v2alpha1", None, "must be batch/v1, is 'batch/v2alpha1'"),
        ("metadata.name", None, None, "is missing"),
        ("metadata.name", "Export", None, "'Export' is no name"),
        ("metadata.name", "a" * 53, None, "must be no more than 52 characters, has 53"),
        ("metadata.namespace", "a.b", None, "is no namespace"),
        ("spec.schedule", None, None, "is missing"),
        ("spec.schedule", "0 1 * *", None, "expected exactly 5 fields, found 4"),
        ("spec.schedule", "TZ=UTC 0 1 * * *", None, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
        ("spec.schedule", "0 1 * * 7", None, "end of range (7) above maximum (6): 7"),
        ("spec.timeZone", "Mars/Base", None, "unknown time zone Mars/Base"),
        ("spec.concurrencyPolicy", "forbid", None, "must be one of Allow, Forbid, Replace, is 'forbid'"),
        ("spec.startingDeadlineSeconds", -1, None, "must be 0 or more, is -1"),
        ("spec.jobTemplate.spec.selector", {}, None, "must not be set"),
        ("POD.restartPolicy", "Always", None, "must be OnFailure or Never, is 'Always'"),
        ("POD.restartPolicy", None, None, "is missing, which means Always"),
        ("POD.containers.0.image", None, "POD.containers[0].image", "is missing"),
        ("POD.containers", [], None, "is missing"),
        (
            "POD.initContainers",
            [{"name": "main", "image": "a"}],
            "POD.containers[0].name",
            "the name of two containers",
        ),
        ("spec.jobTemplate", {}, "spec.jobTemplate.spec", "is missing"),
        ("spec.jobTemplate", [], None, "must be a mapping, is a list"),
    ],
)
def test_wrong_field_is_named(path, value, found, why):
    """With what is wrong about it."""
    [(where, message), *_] = check(changed(path, value))
    assert written(where) == (found or path).replace("POD", POD)
    assert why in message


ONE = "POD.containers.0"
JOB = "spec.jobTemplate.spec"


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("metadata.labels", {"a b": "c"}, "metadata.labels.a b"),
        ("metadata.labels", {"app": "-"}, "metadata.labels.app"),
        ("metadata.annotations", {"-": ""}, "metadata.annotations.-"),
        (f"{JOB}.template.metadata", {"labels": {"owner": "ann@example.com"}}, "template.metadata.labels.owner"),
        (f"{JOB}.completionMode", "indexed", "completionMode"),
        (f"{JOB}.backoffLimitPerIndex", 1, "backoffLimitPerIndex"),
        (f"{JOB}.manualSelector", True, "manualSelector"),
        (f"{JOB}.podReplacementPolicy", "Always", "podReplacementPolicy"),
        (f"{JOB}.podFailurePolicy", {"rules": [{"action": "Fail"}]}, "podFailurePolicy.rules[0].action"),
        (f"{JOB}.podFailurePolicy", {"rules": [{"action": "Count"}]}, "podFailurePolicy.rules[0]"),
        (
            f"{JOB}.podFailurePolicy",
            {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [0, 1]}}]},
            "podFailurePolicy.rules[0].onExitCodes.values[0]",
        ),
        (
            f"{JOB}.podFailurePolicy",
            {"rules": [{"action": "FailIndex", "onPodConditions": [{"type": "Ready"}]}]},
            "podFailurePolicy.rules[0].action",
        ),
        ("POD.tolerations", [{"key": "a", "operator": "exists"}], "tolerations[0].operator"),
        ("POD.tolerations", [{"key": "a", "effect": "NoRun"}], "tolerations[0].effect"),
        ("POD.tolerations", [{"key": "a", "operator": "Exists", "value": "b"}], "tolerations[0].value"),
        ("POD.tolerations", [{"value": "b"}], "tolerations[0].operator"),
        ("POD.tolerations", [{"operator": "Exists", "tolerationSeconds": 5}], "tolerations[0].effect"),
        ("POD.nodeSelector", {"role": "a b"}, "nodeSelector.role"),
        ("POD.dnsPolicy", "clusterFirst", "dnsPolicy"),
        ("POD.serviceAccountName", "Runner", "serviceAccountName"),
        ("POD.volumes", [{"name": "a", "emptyDir": {}}, {"name": "a", "emptyDir": {}}], "volumes[1].name"),
        ("POD.volumes", [{"emptyDir": {}}], "volumes[0].name"),
        ("POD.volumes", [{"name": "a_b", "emptyDir": {}}], "volumes[0].name"),
        ("POD.volumes", [{"name": "a", "emptyDir": {}, "secret": {"secretName": "b"}}], "volumes[0].secret"),
        ("POD.volumes", [{"name": "a", "secret": {"name": "b"}}], "volumes[0].secret.name"),
        ("POD.volumes", [{"name": "a", "secret": {"optional": True}}], "volumes[0].secret.secretName"),
        ("POD.volumes", [{"name": "a", "configMap": {"name": "b", "defaultMode": 644}}], "configMap.defaultMode"),
        ("POD.volumes", [{"name": "a", "hostPath": {"path": "/a", "type": "directory"}}], "hostPath.type"),
        (
            "POD.volumes",
            [{"name": "a", "configMap": {"name": "b", "items": [{"key": "c", "path": "/d"}]}}],
            "items[0].path",
        ),
        ("POD.affinity", {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}, "nodeSelectorTerms"),
        (
            "POD.affinity",
            {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"podAffinityTerm": {}}]}},
            "podAffinityTerm.topologyKey",
        ),
        (
            "POD.topologySpreadConstraints",
            [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "Skip"}],
            "topologySpreadConstraints[0].whenUnsatisfiable",
        ),
        (
            "POD.initContainers",
            [{"name": "a", "image": "b", "livenessProbe": {"exec": {"command": ["c"]}}}],
            "initContainers[0].livenessProbe",
        ),
        (f"{ONE}.imagePullPolicy", "always", "containers[0].imagePullPolicy"),
        (f"{ONE}.image", "busybox ", "containers[0].image"),
        (f"{ONE}.terminationMessagePolicy", "Log", "containers[0].terminationMessagePolicy"),
        (f"{ONE}.ports", [{"containerPort": 80, "protocol": "tcp"}], "ports[0].protocol"),
        (f"{ONE}.ports", [{"containerPort": 80, "name": "a-name-too-long-for-a-port"}], "ports[0].name"),
        (f"{ONE}.ports", [{"name": "http"}], "ports[0].containerPort"),
        (f"{ONE}.env", [{"value": "a"}], "env[0].name"),
        (f"{ONE}.env", [{"name": "A=B", "value": "a"}], "env[0].name"),
        (f"{ONE}.env", [{"name": "A", "valueFrom": {}}], "env[0].valueFrom"),
        (
            f"{ONE}.env",
            [{"name": "A", "value": "b", "valueFrom": {"secretKeyRef": {"name": "c", "key": "d"}}}],
            "env[0].valueFrom",
        ),
        (f"{ONE}.env", [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "b"}}}], "valueFrom.secretKeyRef.key"),
        (
            f"{ONE}.env",
            [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.nodeName"}}}],
            "valueFrom.fieldRef.fieldPath",
        ),
        (f"{ONE}.envFrom", [{"prefix": "A_"}], "envFrom[0]"),
        (f"{ONE}.envFrom", [{"secretRef": {}}], "envFrom[0].secretRef.name"),
        (f"{ONE}.volumeMounts", [{"name": "a", "mountPath": "/a"}], "volumeMounts[0].name"),
        (f"{ONE}.volumeMounts", [{"name": "a"}], "volumeMounts[0].mountPath"),
        (f"{ONE}.resources", {"limits": {"memmory": "1Gi"}}, "resources.limits.memmory"),
        (f"{ONE}.resources", {"limits": {"cpu": "500m"}, "requests": {"cpu": 1}}, "resources.requests.cpu"),
        (
            f"{ONE}.resources",
            {"limits": {"nvidia.com/gpu": 2}, "requests": {"nvidia.com/gpu": 1}},
            "resources.requests[nvidia.com/gpu]",
        ),
        (f"{ONE}.livenessProbe", {"periodSeconds": 5}, "containers[0].livenessProbe"),
        (
            f"{ONE}.securityContext",
            {"privileged": True, "allowPrivilegeEscalation": False},
            "securityContext.allowPrivilegeEscalation",
        ),
        (f"{ONE}.securityContext", {"seccompProfile": {"type": "Runtime"}}, "seccompProfile.type"),
    ],
)
def test_wrong_value_is_named(path, value, found):
    """Kubernetes would refuse each of them: some when the CronJob is applied, some only when its Job makes a pod."""
    [(where, _), *_] = check(changed(path, value))
    assert written(where).endswith(found)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.labels", {"app.kubernetes.io/name": "", "a": "1.2_b"}),
        ("metadata.annotations", {"Example.com/Key": "anything at all"}),
        ("POD.tolerations", [{"operator": "Exists"}, {"key": "a", "value": "b", "effect": ""}]),
        ("POD.volumes", [{"name": "empty"}, {"name": "also-empty", "emptyDir": None}]),
        ("POD.volumes", [{"name": "a", "hostPath": {"path": "/a", "type": ""}}]),
        (f"{ONE}.env", [{"name": "a.b-c", "value": None}, {"name": "1", "value": "=", "valueFrom": None}]),
        (f"{ONE}.env", [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a/b']"}}}]),
        (f"{ONE}.resources", {"requests": {"cpu": 0.5, "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1024Mi"}}),
        (f"{ONE}.resources", {"limits": {"hugepages-2Mi": "4Mi", "nvidia.com/gpu": 1}}),
        (f"{ONE}.livenessProbe", {"exec": {"command": ["true"]}}),
        (f"{JOB}.completionMode", ""),
    ],
)
def test_right_value_is_left_alone(path, value):
    """A rule that is too strict would cost somebody a DAG."""
    assert check(changed(path, value)) == []
