"""What Kubernetes would refuse is refused when the file is read."""

import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.baton.cronjobs.conftest import cronjob

from baton.cronjobs.fields.checking import check, doubts
from baton.cronjobs.manifests.yaml_documents import written
from kubernetes_values import message

PROJECT = Path(__file__).parents[4]
POD = "spec.jobTemplate.spec.template.spec"


SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
SECRET_FILE = {"secret": {"name": "a", "items": [{"key": "b", "path": "c"}]}}


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
        ("spec.jobTemplate.spec.backoffLimit", "3", None, "must be a whole number of 32 bits, is '3'"),
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
        ("metadata.annotations", {"a": "b" * 2**18}, "metadata.annotations"),
        ("metadata.ownerReferences", [{"kind": "K", "name": "n", "uid": "u"}], "ownerReferences[0].apiVersion"),
        (f"{JOB}.backoffLimit", 2**31, "backoffLimit"),
        (f"{JOB}.backoffLimit", -1, "backoffLimit"),
        (f"{JOB}.managedBy", "kueue", "managedBy"),
        (
            f"{JOB}.podFailurePolicy",
            {"rules": [{"action": "FailJob", "onExitCodes": {"containerName": "b", "operator": "In", "values": [1]}}]},
            "onExitCodes.containerName",
        ),
        ("POD.activeDeadlineSeconds", 2**31, "activeDeadlineSeconds"),
        ("POD.ephemeralContainers", [{"name": "a", "image": "b"}], "ephemeralContainers"),
        ("POD.hostname", "a.b", "hostname"),
        ("POD.priorityClassName", "High", "priorityClassName"),
        ("POD.os", {}, "os.name"),
        ("POD.hostAliases", [{"ip": "localhost", "hostnames": ["a"]}], "hostAliases[0].ip"),
        ("POD.hostAliases", [{"ip": "::1", "hostnames": ["a_b"]}], "hostAliases[0].hostnames[0]"),
        ("POD.dnsConfig", {"nameservers": ["dns.local"]}, "dnsConfig.nameservers[0]"),
        ("POD.dnsConfig", {"nameservers": ["1.1.1.1"] * 4}, "dnsConfig.nameservers"),
        ("POD.securityContext", {"runAsUser": 2**31}, "securityContext.runAsUser"),
        ("POD.securityContext", {"supplementalGroups": [0, -1]}, "securityContext.supplementalGroups[1]"),
        ("POD.securityContext", {"sysctls": [{"name": "net core", "value": "1"}]}, "sysctls[0].name"),
        ("POD.securityContext", {"sysctls": [{"name": "a", "value": "1"}] * 2}, "sysctls[1].name"),
        ("POD.resourceClaims", [{"name": "gpu"}], "resourceClaims[0]"),
        ("POD.resourceClaims", [{"name": "a", "resourceClaimName": "b"}] * 2, "resourceClaims[1].name"),
        (f"{ONE}.resources", {"claims": [{"name": "gpu"}]}, "resources.claims[0].name"),
        ("POD.tolerations", [{"key": "a", "value": "b c"}], "tolerations[0].value"),
        (
            "POD.affinity",
            {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchFields": [{"key": "role", "operator": "In", "values": ["a"]}]}]
                    }
                }
            },
            "matchFields[0].key",
        ),
        ("POD.topologySpreadConstraints", [SPREAD | {"minDomains": 0}], "topologySpreadConstraints[0].minDomains"),
        (
            "POD.topologySpreadConstraints",
            [SPREAD | {"minDomains": 2, "whenUnsatisfiable": "ScheduleAnyway"}],
            "topologySpreadConstraints[0].minDomains",
        ),
        ("POD.topologySpreadConstraints", [SPREAD | {"matchLabelKeys": ["a"]}], "matchLabelKeys"),
        (
            "POD.topologySpreadConstraints",
            [SPREAD | {"matchLabelKeys": ["a"], "labelSelector": {"matchLabels": {"a": "b"}}}],
            "matchLabelKeys[0]",
        ),
        ("POD.volumes", [{"name": "a", "emptyDir": {"sizeLimit": "-1"}}], "emptyDir.sizeLimit"),
        ("POD.volumes", [{"name": "a", "hostPath": {"path": "/a/../b"}}], "hostPath.path"),
        ("POD.volumes", [{"name": "a", "nfs": {"server": "b", "path": "c"}}], "nfs.path"),
        ("POD.volumes", [{"name": "a", "csi": {"driver": "b_c"}}], "csi.driver"),
        ("POD.volumes", [{"name": "a", "azureFile": {"secretName": "b"}}], "azureFile.shareName"),
        ("POD.volumes", [{"name": "a", "ephemeral": {}}], "ephemeral.volumeClaimTemplate"),
        (
            "POD.volumes",
            [{"name": "a", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}}],
            "volumeClaimTemplate.spec.resources.requests.storage",
        ),
        (
            "POD.volumes",
            [{"name": "a", "configMap": {"name": "b", "items": [{"key": "c", "path": "..data"}]}}],
            "items[0].path",
        ),
        (
            "POD.volumes",
            [{"name": "a", "projected": {"sources": [{"secret": {"name": "b"}, "configMap": {"name": "c"}}]}}],
            "sources[0].configMap",
        ),
        (
            "POD.volumes",
            [{"name": "a", "projected": {"sources": [SECRET_FILE, SECRET_FILE]}}],
            "sources[1].secret.items[0].path",
        ),
        (
            "POD.volumes",
            [
                {
                    "name": "a",
                    "projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 60}}]},
                }
            ],
            "serviceAccountToken.expirationSeconds",
        ),
        (f"{ONE}.env", [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "b", "key": "c d"}}}], "secretKeyRef.key"),
        (
            f"{ONE}.env",
            [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.disk"}}}],
            "resourceFieldRef.resource",
        ),
        (
            f"{ONE}.env",
            [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "My_Config", "key": "b"}}}],
            "configMapKeyRef.name",
        ),
        (f"{ONE}.envFrom", [{"prefix": "A=", "secretRef": {"name": "a"}}], "envFrom[0].prefix"),
        (f"{ONE}.envFrom", [{"configMapRef": {"name": "My_Config"}}], "envFrom[0].configMapRef.name"),
        (f"{ONE}.lifecycle", {"preStop": {}}, "lifecycle.preStop"),
        (f"{ONE}.lifecycle", {"preStop": {"sleep": {"seconds": -1}}}, "preStop.sleep.seconds"),
        (f"{ONE}.livenessProbe", {"httpGet": {"port": "8080"}}, "livenessProbe.httpGet.port"),
        (f"{ONE}.livenessProbe", {"httpGet": {"port": 0}}, "livenessProbe.httpGet.port"),
        (f"{ONE}.livenessProbe", {"tcpSocket": {"port": 1}, "periodSeconds": -1}, "livenessProbe.periodSeconds"),
        (f"{ONE}.startupProbe", {"tcpSocket": {"port": 1}, "successThreshold": 2}, "startupProbe.successThreshold"),
        (
            f"{ONE}.readinessProbe",
            {"tcpSocket": {"port": 1}, "terminationGracePeriodSeconds": 2},
            "readinessProbe.terminationGracePeriodSeconds",
        ),
        (
            f"{ONE}.ports",
            [{"containerPort": 1, "hostPort": 2}, {"containerPort": 2, "hostPort": 2}],
            "ports[1].hostPort",
        ),
        (f"{ONE}.resources", {"limits": {"nvidia.com/gpu": "0.5"}}, "resources.limits[nvidia.com/gpu]"),
        (f"{ONE}.resources", {"requests": {"nvidia.com/gpu": 1}}, "resources.limits[nvidia.com/gpu]"),
        (f"{ONE}.resources", {"limits": {"a b/c": 1}}, "resources.limits[a b/c]"),
        (
            f"{ONE}.securityContext",
            {"seccompProfile": {"type": "Localhost", "localhostProfile": "../a"}},
            "seccompProfile.localhostProfile",
        ),
        (f"{ONE}.restartPolicyRules", [{"action": "Restart"}], "containers[0].restartPolicy"),
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
        (f"{ONE}.resources", {"limits": {"hugepages-2Mi": "4Mi", "memory": "1Gi", "nvidia.com/gpu": 1}}),
        (f"{ONE}.livenessProbe", {"exec": {"command": ["true"]}}),
        (f"{JOB}.completionMode", ""),
        (f"{ONE}.resources", {"limits": {"memory": None, "cpu": "5e-1"}}),
        (f"{ONE}.resources", {"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}}),
        (f"{ONE}.lifecycle", {"preStop": {"sleep": {"seconds": 0}}, "postStart": {"exec": {"command": ["a"]}}}),
        (f"{ONE}.livenessProbe", {"httpGet": {"port": "http"}, "successThreshold": 1}),
        (f"{ONE}.ports", [{"containerPort": 1, "hostPort": 2}, {"containerPort": 2, "hostPort": 2, "protocol": "UDP"}]),
        (f"{ONE}.env", [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.hugepages-2Mi"}}}]),
        ("POD.volumes", [{"name": "a", "projected": {"sources": [{}, {"secret": {"name": "b", "items": None}}]}}]),
        ("POD.volumes", [{"name": "a", "configMap": {"name": "b", "items": [{"key": "c d", "path": "e..f"}]}}]),
        ("POD.volumes", [{"name": "a", "csi": {"driver": "Secrets-Store.csi.k8s.io"}}]),
        ("POD.hostAliases", [{"ip": "fd00::1", "hostnames": ["a.b", "c"]}]),
        ("POD.topologySpreadConstraints", [SPREAD | {"minDomains": 3, "maxSkew": 2}]),
        ("POD.securityContext", {"sysctls": [{"name": "net/core.somaxconn", "value": "1"}], "fsGroup": 2**31 - 1}),
    ],
)
def test_right_value_is_left_alone(path, value):
    """A rule that is too strict would cost somebody a DAG."""
    assert check(changed(path, value)) == []


INDEXED = {"completionMode": "Indexed", "completions": 3}


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"backoffLimitPerIndex": -1}, "backoffLimitPerIndex"),
        ({"backoffLimitPerIndex": 1, "maxFailedIndexes": 4}, "maxFailedIndexes"),
        ({"parallelism": 100_001}, "parallelism"),
        ({"successPolicy": {"rules": []}}, "successPolicy.rules"),
        ({"successPolicy": {"rules": [{}]}}, "successPolicy.rules[0]"),
        ({"successPolicy": {"rules": [{"succeededIndexes": "2-3"}]}}, "rules[0].succeededIndexes"),
        ({"successPolicy": {"rules": [{"succeededIndexes": "1,0"}]}}, "rules[0].succeededIndexes"),
        ({"successPolicy": {"rules": [{"succeededIndexes": "all"}]}}, "rules[0].succeededIndexes"),
        ({"successPolicy": {"rules": [{"succeededCount": 4}]}}, "rules[0].succeededCount"),
        ({"successPolicy": {"rules": [{"succeededIndexes": "0,1-2", "succeededCount": 2}]}}, None),
        ({"backoffLimitPerIndex": 0, "maxFailedIndexes": 3, "parallelism": 3}, None),
    ],
)
def test_job_of_indexes_fits_its_completions(fields, found):
    """What Kubernetes compares within an Indexed Job."""
    content = changed("spec.suspend", False)
    content["spec"]["jobTemplate"]["spec"] |= INDEXED | fields
    findings = [written(path).removeprefix(f"{JOB}.") for path, _ in check(content)]
    assert [path.endswith(str(found)) for path in findings] == [True] * (found is not None)


META = f"{JOB}.template.metadata"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
NODES = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In"}]}]}}}
PVC, DEVICE = {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}, [{"name": "v", "devicePath": "/d"}]


def nodes(values, **more):
    return {
        "nodeAffinity": {
            REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "values": values, **more}]}]}
        }
    }


def pods(**term):
    return {"podAffinity": {REQUIRED: [{"topologyKey": "zone"} | term]}}


def volume(source, /, **fields):
    return [{"name": "a", source: fields}]


def host_process(value, *containers):
    each = [
        {"name": f"c{n}", "image": "a", "securityContext": {"windowsOptions": {"hostProcess": own}}}
        for n, own in enumerate(containers)
    ]
    return {"containers": each, "securityContext": {"windowsOptions": {"hostProcess": value}}}


TOGETHER = [
    ({f"{META}.labels": {"job-name": "x"}}, "labels.job-name"),
    ({f"{META}.labels": {"batch.kubernetes.io/controller-uid": "x"}}, "controller-uid]"),
    ({"metadata.name": "a.b", f"{JOB}.completionMode": "Indexed", f"{JOB}.completions": 3}, "metadata.name"),
    ({"metadata.name": "a" * 52, f"{JOB}.completionMode": "Indexed", f"{JOB}.completions": 11}, "metadata.name"),
    ({"metadata.name": "a" * 52, f"{JOB}.completionMode": "Indexed", f"{JOB}.completions": 10}, None),
    ({"metadata.name": "a.b"}, None),
    ({f"{ONE}.lifecycle": {"preStop": {"sleep": {"seconds": 31}}}}, "preStop.sleep.seconds"),
    ({f"{ONE}.lifecycle": {"postStart": {"sleep": {"seconds": 31}}}}, "postStart.sleep.seconds"),
    ({f"{ONE}.lifecycle": {"preStop": {"sleep": {"seconds": 60}}}, "POD.terminationGracePeriodSeconds": 60}, None),
    ({f"{META}.annotations": {"container.apparmor.security.beta.kubernetes.io/main": "bar"}}, "io/main]"),
    ({f"{META}.annotations": {"container.apparmor.security.beta.kubernetes.io/other": "unconfined"}}, "io/other]"),
    ({f"{META}.annotations": {"container.apparmor.security.beta.kubernetes.io/main": "localhost/x"}}, None),
    ({f"{META}.annotations": {"seccomp.security.alpha.kubernetes.io/pod": "localhost/../x"}}, "io/pod]"),
    ({f"{META}.annotations": {"seccomp.security.alpha.kubernetes.io/pod": "docker/default"}}, None),
    (
        {
            f"{META}.annotations": {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"},
            "POD.securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        },
        "io/pod]",
    ),
    ({f"{META}.annotations": {"controller.kubernetes.io/pod-deletion-cost": "1.5"}}, "deletion-cost]"),
    ({"POD.affinity": nodes(["a b"], operator="In")}, "values[0]"),
    (
        {
            "POD.affinity": {
                "nodeAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "weight": 1,
                            "preference": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["a b"]}]},
                        }
                    ]
                }
            }
        },
        None,
    ),
    ({"POD.affinity": pods(topologyKey="a b")}, "topologyKey"),
    ({"POD.affinity": pods(namespaces=["A"])}, "namespaces[0]"),
    (
        {"POD.affinity": pods(labelSelector={"matchExpressions": [{"key": "a", "operator": "In", "values": ["b c"]}]})},
        "values[0]",
    ),
    ({"POD.affinity": pods(matchLabelKeys=["a"])}, "matchLabelKeys"),
    ({"POD.topologySpreadConstraints": [SPREAD, SPREAD]}, "topologySpreadConstraints[1].topologyKey"),
    ({"POD.topologySpreadConstraints": [SPREAD | {"topologyKey": "a b"}]}, "topologyKey"),
    ({f"{ONE}.livenessProbe": {"grpc": {}}}, "grpc.port"),
    ({f"{ONE}.livenessProbe": {"grpc": {"port": 70000}}}, "grpc.port"),
    (
        {f"{ONE}.livenessProbe": {"httpGet": {"port": 1, "httpHeaders": [{"name": "X Y", "value": "a"}]}}},
        "httpHeaders[0].name",
    ),
    (
        {f"{ONE}.livenessProbe": {"tcpSocket": {"port": 1}, "terminationGracePeriodSeconds": 0}},
        "terminationGracePeriodSeconds",
    ),
    ({"POD.volumes": [PVC], f"{ONE}.volumeDevices": DEVICE}, None),
    (
        {
            "POD.volumes": [PVC],
            f"{ONE}.volumeDevices": DEVICE,
            f"{ONE}.volumeMounts": [{"name": "v", "mountPath": "/m"}],
        },
        "Devices[0].name",
    ),
    (
        {
            "POD.volumes": [PVC, {"name": "w"}],
            f"{ONE}.volumeDevices": DEVICE,
            f"{ONE}.volumeMounts": [{"name": "w", "mountPath": "/d"}],
        },
        "Devices[0].devicePath",
    ),
    ({"POD.volumes": [{"name": "v", "emptyDir": {}}], f"{ONE}.volumeDevices": DEVICE}, "Devices[0].name"),
    ({"POD.volumes": [PVC], f"{ONE}.volumeDevices": [{"name": "v", "devicePath": "/a/../b"}]}, "Devices[0].devicePath"),
    (
        {
            "POD.volumes": [PVC],
            f"{ONE}.volumeMounts": [{"name": "v", "mountPath": "/m", "recursiveReadOnly": "Enabled"}],
        },
        "recursiveReadOnly",
    ),
    (
        {
            "POD.volumes": [PVC],
            f"{ONE}.volumeMounts": [
                {
                    "name": "v",
                    "mountPath": "/m",
                    "readOnly": True,
                    "recursiveReadOnly": "Enabled",
                    "mountPropagation": "HostToContainer",
                }
            ],
        },
        "recursiveReadOnly",
    ),
    (
        {
            "POD.volumes": [PVC],
            f"{ONE}.volumeMounts": [{"name": "v", "mountPath": "/m", "recursiveReadOnly": "Disabled"}],
        },
        None,
    ),
    ({"POD.volumes": [PVC], f"{ONE}.volumeMounts": [{"name": "v", "mountPath": "/m", "subPath": "..data/x"}]}, None),
    ({f"{ONE}.env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "b", "key": ".."}}}]}, "secretKeyRef.key"),
    (
        {f"{ONE}.env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "b", "key": "..a"}}}]},
        "configMapKeyRef.key",
    ),
    ({f"{ONE}.env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "b", "key": ".a"}}}]}, None),
    (
        {f"{ONE}.env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "2"}}}]},
        "divisor",
    ),
    (
        {
            f"{ONE}.env": [
                {"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1m"}}}
            ]
        },
        "divisor",
    ),
    (
        {
            f"{ONE}.env": [
                {"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1000m"}}}
            ]
        },
        None,
    ),
    (
        {f"{ONE}.env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": 0}}}]},
        None,
    ),
    ({f"{ONE}.env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a b']"}}}]}, "fieldPath"),
    ({f"{ONE}.env": [{"name": "A", "valueFrom": {"fileKeyRef": {"volumeName": "v", "key": "K"}}}]}, "fileKeyRef.path"),
    ({f"{JOB}.podFailurePolicy": {}, "POD.restartPolicy": "OnFailure"}, "restartPolicy"),
    ({f"{JOB}.podFailurePolicy": {}}, None),
    ({f"{JOB}.podFailurePolicy": {}, f"{JOB}.podReplacementPolicy": "TerminatingOrFailed"}, "podReplacementPolicy"),
    ({f"{JOB}.podFailurePolicy": {"rules": [{"action": "FailJob", "onPodConditions": [{"type": "a b"}]}]}}, "type"),
    (
        {
            f"{JOB}.podFailurePolicy": {
                "rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1]}}] * 21
            }
        },
        "rules",
    ),
    ({f"{JOB}.managedBy": "Example.com/x"}, "managedBy"),
    ({f"{JOB}.managedBy": "example.com/" + "x" * 60}, "managedBy"),
    ({f"{ONE}.securityContext": {"procMount": "Unmasked"}}, "procMount"),
    ({f"{ONE}.securityContext": {"procMount": "Unmasked"}, "POD.hostUsers": False}, None),
    (
        {"POD.securityContext": {"sysctls": [{"name": "net.core.somaxconn", "value": "1"}]}, "POD.hostNetwork": True},
        "sysctls[0].name",
    ),
    ({"POD." + key: value for key, value in host_process(True, None).items()}, "hostNetwork"),
    (
        {"POD." + key: value for key, value in (host_process(True, None, False) | {"hostNetwork": True}).items()},
        "hostProcess",
    ),
    (
        {"POD." + key: value for key, value in (host_process(None, True, None) | {"hostNetwork": True}).items()},
        "hostProcess",
    ),
    ({"POD." + key: value for key, value in (host_process(True, None, True) | {"hostNetwork": True}).items()}, None),
    ({"POD.os": {"name": "windows"}, f"{ONE}.securityContext": {"runAsUser": 1}}, "securityContext.runAsUser"),
    ({"POD.os": {"name": "windows"}, "POD.hostPID": True}, "hostPID"),
    ({"POD.os": {"name": "linux"}, f"{ONE}.securityContext": {"windowsOptions": {}}}, "windowsOptions"),
    ({f"{ONE}.securityContext": {"windowsOptions": {"runAsUserName": "a/b"}}}, "runAsUserName"),
    (
        {
            f"{ONE}.securityContext": {
                "windowsOptions": {"runAsUserName": "NT AUTHORITY\\\\SYSTEM".replace("\\\\", "\\")}
            }
        },
        None,
    ),
    (
        {f"{ONE}.resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]},
        "resizePolicy[0].restartPolicy",
    ),
    (
        {f"{ONE}.resizePolicy": [{"resourceName": "disk", "restartPolicy": "NotRequired"}]},
        "resizePolicy[0].resourceName",
    ),
    ({f"{ONE}.resources": {"limits": {"hugepages-2Mi": "4Mi"}}}, "resources"),
    ({f"{ONE}.resources": {"limits": {"hugepages-2Mi": "3Mi", "cpu": 1}}}, "hugepages-2Mi"),
    (
        {"POD.resources": {"requests": {"cpu": "100m"}}, f"{ONE}.resources": {"requests": {"cpu": "200m"}}},
        "requests.cpu",
    ),
    ({"POD.resources": {"limits": {"cpu": "100m"}}, f"{ONE}.resources": {"limits": {"cpu": "200m"}}}, "limits.cpu"),
    ({"POD.resources": {"limits": {"ephemeral-storage": "1Gi"}}}, "limits.ephemeral-storage"),
    ({"POD.dnsConfig": {"searches": ["a b"]}}, "searches[0]"),
    ({"POD.dnsConfig": {"searches": [".", "a_b.local."]}}, None),
    ({"POD.hostnameOverride": "a.b", "POD.setHostnameAsFQDN": True}, "hostnameOverride"),
    ({"POD.readinessGates": [{"conditionType": "a b"}]}, "conditionType"),
    ({"POD.schedulingGates": [{"name": "a"}, {"name": "a"}]}, "schedulingGates[1]"),
    ({"POD.volumes": volume("fc", wwids=["a"], targetWWNs=["b"], lun=1)}, "fc.wwids"),
    ({"POD.volumes": volume("fc", targetWWNs=["b"])}, "fc.lun"),
    ({"POD.volumes": volume("iscsi", targetPortal="a", iqn="b", lun=0)}, "iscsi.iqn"),
    ({"POD.volumes": volume("azureDisk", diskName="a", diskURI="b", kind="Managed")}, "diskURI"),
    ({"POD.volumes": volume("flexVolume", driver="a", options={"x.kubernetes.io/y": "z"})}, "y]"),
    ({"POD.volumes": volume("gitRepo", repository="a", directory="../b")}, "directory"),
    ({"POD.volumes": volume("image")}, "image.reference"),
    ({"POD.volumes": volume("csi", driver="a" * 64)}, "driver"),
    ({"POD.volumes": volume("csi", driver="a", nodePublishSecretRef={})}, "nodePublishSecretRef.name"),
    ({"POD.volumes": volume("awsElasticBlockStore", volumeID="a", partition=256)}, "partition"),
    (
        {"POD.volumes": volume("downwardAPI", items=[{"path": "a", "resourceFieldRef": {"resource": "limits.cpu"}}])},
        "containerName",
    ),
    (
        {
            "POD.volumes": volume(
                "projected", sources=[{"clusterTrustBundle": {"path": "a", "name": "b", "signerName": "c"}}]
            )
        },
        "signerName",
    ),
    ({"POD.imagePullSecrets": [None, {"name": ""}]}, None),
    ({f"{ONE}.resources": {"limits": {"cpu": "1 "}}}, None),
]


@pytest.mark.parametrize(("fields", "found"), TOGETHER)
def test_parts_that_do_not_go_together_are_named(fields, found):
    """The Job, or its first pod, would be refused at night; what goes together is left alone."""
    content = changed("spec.suspend", False)
    for path, value in fields.items():
        *parents, last = path.replace("POD", POD).split(".")
        place = content
        for part in parents:
            place = place[int(part)] if part.isdigit() else place.setdefault(part, {})
        place[last] = value
    findings = check(content)
    assert bool(findings) == (found is not None), findings
    assert all(written(where).endswith(str(found)) for where, _ in findings), findings


LISTS = [name for name, field in message("core.PodSpec").fields.items() if field.is_message and field.shape == "[]"]


@pytest.mark.parametrize("name", LISTS)
def test_null_in_a_list_is_a_part_with_nothing_in_it(name):
    """Go's reader makes one of it; no rule may meet it unprepared, nor take it for right where such a part is not."""
    assert check(changed(f"POD.{name}", [None])) == check(changed(f"POD.{name}", [{}]))


GIVEN = yaml.safe_load((PROJECT / "tests" / "corpus" / "cronjobs" / "modern.yaml").read_text().split("---")[1])


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False))
def test_no_rule_fails_whatever_stands_in_a_manifest(random):
    """It finds something or nothing: values of every kind, everywhere."""
    content = copy.deepcopy(GIVEN)
    for _ in range(random.randint(1, 4)):
        place = content
        while isinstance(place, dict | list) and place:
            key = random.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if not isinstance(place[key], dict | list) or random.random() < 0.15:
                place[key] = random.choice(
                    [None, {}, [], "", "a", "${A}", 0, -1, 2**40, 1.5, True, [None], {"a": None}]
                )
                break
            place = place[key]
    assert all(isinstance(why, str) for _, why in check(content))
    doubts(content)
