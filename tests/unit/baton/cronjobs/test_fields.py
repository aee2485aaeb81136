"""What Kubernetes would refuse is refused when the file is read."""

import pytest
import yaml
from tests.unit.baton.cronjobs.conftest import cronjob

from baton.cronjobs.fields.checking import check
from baton.cronjobs.manifests.yaml_documents import written

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
        (f"{ONE}.resources", {"limits": {"hugepages-2Mi": "4Mi", "nvidia.com/gpu": 1}}),
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
