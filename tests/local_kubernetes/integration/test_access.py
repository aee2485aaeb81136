"""Accounts: what a pod may do as its account, what a right that is missing or too much looks like, restricted pods."""

from __future__ import annotations

import copy
import time

import pytest
from kubernetes.client import ApiClient, AuthorizationV1Api, CoreV1Api, RbacAuthorizationV1Api
from kubernetes.client.exceptions import ApiException
from tests.acceptance.rights import Right, granted, missing, superfluous, used

pytestmark = pytest.mark.timeout(60)
ASK = """
import json, os, ssl, urllib.error, urllib.request
home = os.environ.get("LOCAL_KUBERNETES_MOUNT_VAR_RUN_SECRETS_KUBERNETES_IO_SERVICEACCOUNT",
                      "/var/run/secrets/kubernetes.io/serviceaccount")
read = lambda name: open(f"{home}/{name}").read()
address = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
for what in ("pods", "secrets"):
    url = f"{address}/api/v1/namespaces/{read('namespace')}/{what}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {read('token')}"})
    context = ssl.create_default_context(cafile=f"{home}/ca.crt")
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        print(what, urllib.request.urlopen(request, context=context).status)
    except urllib.error.HTTPError as err:
        print(what, err.code, json.load(err)["message"])
"""
RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]


def _give(place, account: str, rules: list[dict[str, list[str]]]) -> None:
    """Make an account with a Role of its own."""
    place.core.create_namespaced_service_account(place.name, {"metadata": {"name": account}})
    rbac, name = RbacAuthorizationV1Api(place.client), {"metadata": {"name": account}}
    rbac.create_namespaced_role(place.name, {**name, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account}
    subjects = [{"kind": "ServiceAccount", "name": account, "namespace": place.name}]
    rbac.create_namespaced_role_binding(place.name, {**name, "roleRef": reference, "subjects": subjects})


def _client(place, account: str) -> ApiClient:
    """A client that is the account."""
    spec = {"spec": {"expirationSeconds": 3600, "audiences": []}}
    made = place.core.create_namespaced_service_account_token(account, place.name, spec)
    configuration = copy.copy(place.client.configuration)
    configuration.refresh_api_key_hook = None  # it would read the kubeconfig's token again
    configuration.api_key = {"authorization": f"Bearer {made.status.token}"}
    return ApiClient(configuration)


def test_pod_is_its_account(place, make_pod, run_pod):
    """It finds token, authority and namespace where every client looks, and may do what its Role gives and no more."""
    _give(place, "reader", RULES)

    _, log = run_pod(place, make_pod("p", f"python - <<'END'\n{ASK}\nEND", serviceAccountName="reader"))

    user = f"system:serviceaccount:{place.name}:reader"
    refused = f'secrets is forbidden: User "{user}" cannot list resource "secrets" in API group ""'
    assert log.splitlines() == ["pods 200", f'secrets 403 {refused} in the namespace "{place.name}"']


def test_token_ends_with_what_it_is_bound_to(local_kubernetes):
    """A token of a deleted account, or of one made anew under its name, is nobody's."""
    _give(local_kubernetes, "short", RULES)
    with _client(local_kubernetes, "short") as client:
        CoreV1Api(client).list_namespaced_pod(local_kubernetes.name)
        local_kubernetes.core.delete_namespaced_service_account("short", local_kubernetes.name)
        local_kubernetes.core.create_namespaced_service_account(local_kubernetes.name, {"metadata": {"name": "short"}})
        with pytest.raises(ApiException) as refused:
            CoreV1Api(client).list_namespaced_pod(local_kubernetes.name)
    assert refused.value.status == 401


def test_missing_and_superfluous_rights_are_found(own_server):
    """What an account is refused is missing, what it is given and never uses is too much: both were planted."""
    with own_server.client() as admin:
        place = type("Place", (), {"name": "own", "client": admin, "core": CoreV1Api(admin)})
        rules = [*RULES, {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
        _give(place, "worker", rules)
        with _client(place, "worker") as client:
            CoreV1Api(client).list_namespaced_pod("own")
            with pytest.raises(ApiException):
                CoreV1Api(client).list_namespaced_config_map("own")
            manifest = {"kind": "Role", "metadata": {"name": "worker"}, "rules": rules}
            state = own_server.directory
            (state / "kubernetes").symlink_to(state / "state")
            assert missing(state) == ["list configmaps is not granted to own/worker"]
            given = granted([manifest], "worker")
            assert superfluous(given, used(state)) == ["get secrets is granted, and nothing uses it"]
            assert superfluous({Right("list", "pods")}, used(state)) == []


def test_rights_can_be_asked_for(local_kubernetes):
    """``kubectl auth can-i`` and whoever asks for somebody else get the same answers as requests do."""
    _give(local_kubernetes, "asker", RULES)
    with _client(local_kubernetes, "asker") as client:
        for verb, allowed in (("list", True), ("delete", False)):
            wanted = {"namespace": local_kubernetes.name, "verb": verb, "resource": "pods"}
            review = {"spec": {"resourceAttributes": wanted}}
            answer = AuthorizationV1Api(client).create_self_subject_access_review(review)
            assert answer.status.allowed is allowed


def test_nothing_can_be_written_in_a_read_only_root_but_volumes(place, make_pod, run_pod, server):
    """What a cluster refuses to write is refused here as well, where containers have mount trees of their own."""
    if "isolation: none" in server.ready_line:
        pytest.skip("without mount trees the machine's own files are seen")
    script = "for f in /x /usr/x /var/tmp/x /tmp/x; do if touch $f; then echo $f; fi; done 2>/dev/null"
    container = {
        "securityContext": {"readOnlyRootFilesystem": True},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }

    _, log = run_pod(place, make_pod("p", script, container, volumes=[{"name": "tmp", "emptyDir": {}}]))

    assert log == "/tmp/x\n"


def test_pods_of_a_restricted_namespace_are_refused_until_they_ask_for_nothing(local_kubernetes, make_pod):
    """Pods by the API server, pods of Jobs by an event of the Job."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    local_kubernetes.core.patch_namespace(local_kubernetes.name, {"metadata": {"labels": labels}})
    with pytest.raises(ApiException, match='violates PodSecurity \\\\"restricted:latest'):
        local_kubernetes.core.create_namespaced_pod(local_kubernetes.name, make_pod("plain", "true"))

    from kubernetes.client import BatchV1Api

    pod = {key: value for key, value in make_pod("x", "true").items() if key == "spec"}
    job = {"metadata": {"name": "j"}, "spec": {"template": pod}}
    BatchV1Api(local_kubernetes.client).create_namespaced_job(local_kubernetes.name, job)
    end = time.monotonic() + 10
    while not (events := local_kubernetes.core.list_namespaced_event(local_kubernetes.name).items):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert {event.reason for event in events} == {"FailedCreate"}

    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    whole = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    body = make_pod("restricted", "true", {"securityContext": own}, securityContext=whole)
    local_kubernetes.core.create_namespaced_pod(local_kubernetes.name, body)
