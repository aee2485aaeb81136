"""The API's manners: who may ask, what is refused and how, selectors, patches, watches."""

from __future__ import annotations

import json
import ssl
import threading
import urllib.error
import urllib.request

import pytest
import yaml
from kubernetes import watch
from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException

pytestmark = pytest.mark.timeout(60)
ROOT_CA = "kube-root-ca.crt"
"""The ConfigMap that every namespace has."""


def _cluster(place):
    config = yaml.safe_load(place.server.kubeconfig.read_text())
    return config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]


def _ask(place, path, method="GET", body=None, **headers):
    address, token = _cluster(place)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    headers = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{address}{path}", data=data, method=method, headers=headers)  # noqa: S310
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(request, context=context) as response:  # noqa: S310
            return response.status, response.read()
    except urllib.error.HTTPError as err:
        with err:
            return err.code, err.read()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic eDp5"}, 401),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "localhost"}, 200),
    ],
)
def test_only_clients_of_this_machine_with_the_token_get_in(local_kubernetes, headers, code):
    """No token, a wrong one, a web page's Origin, a foreign Host: a Status that says no."""
    status, body = _ask(local_kubernetes, "/api/v1/namespaces", **headers)

    assert status == code
    assert json.loads(body)["kind"] == ("NamespaceList" if code == 200 else "Status")


def test_an_origin_is_refused_even_where_no_token_is_needed(local_kubernetes):
    """A page cannot even find out that the server is there."""
    assert _ask(local_kubernetes, "/readyz", Authorization=None)[0] == 200
    assert _ask(local_kubernetes, "/readyz", Authorization=None, Origin="http://x")[0] == 403


def test_a_websocket_from_a_page_is_refused(local_kubernetes, make_pod):
    """Only the server's own address may stand in Origin, as the Python client writes it."""
    local_kubernetes.core.create_namespaced_pod(local_kubernetes.name, make_pod("p", "sleep 30"))
    path = f"/api/v1/namespaces/{local_kubernetes.name}/pods/p/exec?command=true&stdout=true"
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "eA==",
    }

    assert _ask(local_kubernetes, path, Origin="https://evil.example", **upgrade)[0] == 403
    assert _ask(local_kubernetes, path)[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "reason", "message"),
    [
        ("GET", "/pods/missing", None, 404, "NotFound", 'pods "missing" not found'),
        ("DELETE", "/pods/missing", None, 404, "NotFound", 'pods "missing" not found'),
        ("GET", "/nonsense", None, 404, "NotFound", "the server could not find the requested resource"),
        ("GET", "/endpoints", None, 404, "NotFound", "does not serve endpoints"),
        ("POST", "/pods/x", {}, 405, "MethodNotAllowed", "does not allow this method"),
        ("POST", "/pods", "{not json", 400, "BadRequest", "couldn't get version/kind"),
        ("POST", "/pods", [1], 400, "BadRequest", "couldn't get version/kind"),
        ("POST", "/pods", {"kind": "Secret", "apiVersion": "v1"}, 400, "BadRequest", "cannot be handled as a Pod"),
        ("GET", "/pods?labelSelector=%3D%3D", None, 400, "BadRequest", "found '==', expected: !, identifier"),
        ("GET", "/pods?fieldSelector=spec.x%3Dy", None, 400, "BadRequest", "field label not supported: spec.x"),
        ("GET", "/pods?limit=x", None, 400, "BadRequest", 'parsing "x": invalid syntax'),
    ],
)
def test_what_is_wrong_is_said_as_a_cluster_says_it(local_kubernetes, method, path, body, code, reason, message):
    """Status objects with the real server's codes, reasons and words."""
    status, answer = _ask(local_kubernetes, f"/api/v1/namespaces/{local_kubernetes.name}{path}", method, body)

    answer = json.loads(answer)
    assert (status, answer["code"], answer["reason"]) == (code, code, reason)
    assert message in answer["message"]


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"metadata": {}}, "metadata.name", "name or generateName is required"),
        ({"metadata": {"name": "Bad_Name"}}, "metadata.name", "a lowercase RFC 1123 subdomain"),
        ({"spec": {"containers": []}}, "spec.containers", "Required value"),
        ({"spec": {"containers": [{"name": "c"}]}}, "spec.containers[0].image", "Required value"),
        ({"spec": {"containers": [{"name": "../c", "image": "i"}]}}, "spec.containers[0].name", "RFC 1123 label"),
        (
            {"spec": {"containers": [{"name": "c", "image": "i"}, {"name": "c", "image": "i"}]}},
            "spec.containers[1].name",
            'Duplicate value: "c"',
        ),
        (
            {"spec": {"containers": [{"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]}},
            "spec.containers[0].volumeMounts[0].name",
            'Not found: "v"',
        ),
        (
            {
                "spec": {
                    "volumes": [{"name": "v", "emptyDir": {}}],
                    "containers": [
                        {
                            "name": "c",
                            "image": "i",
                            "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a/../../b"}],
                        }
                    ],
                }
            },
            "spec.containers[0].volumeMounts[0].subPath",
            "must not contain '..'",
        ),
    ],
)
def test_invalid_pods_are_refused_by_field(local_kubernetes, change, field, message):
    """422 with the field's name in details.causes."""
    body = {"metadata": {"name": "ok"}, "spec": {"containers": [{"name": "c", "image": "i"}]}, **change}

    status, answer = _ask(local_kubernetes, f"/api/v1/namespaces/{local_kubernetes.name}/pods", "POST", body)

    answer = json.loads(answer)
    assert (status, answer["reason"]) == (422, "Invalid")
    assert [cause["field"] for cause in answer["details"]["causes"]] == [field]
    assert message in answer["message"]


def test_what_is_not_done_here_is_said(local_kubernetes, make_pod):
    """Host paths need a flag, other volumes are not there; the sentence tells what to do."""
    host = make_pod("p", "true", volumes=[{"name": "v", "hostPath": {"path": "/etc"}}])
    other = make_pod("p", "true", volumes=[{"name": "v", "nfs": {"server": "x", "path": "/"}}])

    with pytest.raises(ApiException) as refused:
        local_kubernetes.core.create_namespaced_pod(local_kubernetes.name, host)
    assert refused.value.status == 403
    assert "--allow-host-path" in refused.value.body
    with pytest.raises(ApiException) as missing:
        local_kubernetes.core.create_namespaced_pod(local_kubernetes.name, other)
    assert missing.value.status == 501
    assert "nfs is not supported" in missing.value.body


def test_a_name_is_taken_once(local_kubernetes, make_pod):
    """409 AlreadyExists; generateName always finds a new one."""
    core, name = local_kubernetes.core, local_kubernetes.name
    core.create_namespaced_pod(name, make_pod("p", "true"))
    with pytest.raises(ApiException) as taken:
        core.create_namespaced_pod(name, make_pod("p", "true"))
    assert json.loads(taken.value.body)["reason"] == "AlreadyExists"
    generated = {**make_pod("", "true"), "metadata": {"generateName": "job-"}}

    names = {core.create_namespaced_pod(name, generated).metadata.name for _ in range(3)}

    assert len(names) == 3
    assert all(len(one) == len("job-") + 5 for one in names)


def test_a_namespace_must_exist_and_takes_everything_with_it(local_kubernetes, make_pod, until):
    """404 before, Terminating and gone after, with the processes."""
    core = local_kubernetes.core
    with pytest.raises(ApiException) as missing:
        core.create_namespaced_pod("nowhere", make_pod("p", "true"))
    assert missing.value.status == 404
    own = f"{local_kubernetes.name}-x"
    core.create_namespace({"metadata": {"name": own}})
    assert core.read_namespaced_service_account("default", own).metadata.name == "default"
    core.create_namespaced_pod(own, make_pod("p", "sleep 60", terminationGracePeriodSeconds=0))

    core.delete_namespace(own)

    until(lambda: own not in [item.metadata.name for item in core.list_namespace().items])
    assert core.list_namespaced_pod(own).items == []


def test_selectors_choose(local_kubernetes):
    """Labels and fields, alone and together, over one namespace and over all."""
    core, name = local_kubernetes.core, local_kubernetes.name
    for item, labels in (("a", {"app": "x", "tier": "1"}), ("b", {"app": "y"}), ("c", {})):
        core.create_namespaced_config_map(name, {"metadata": {"name": item, "labels": labels}})

    def names(**options):
        found = core.list_namespaced_config_map(name, **options).items
        return [item.metadata.name for item in found if item.metadata.name != ROOT_CA]

    assert names(label_selector="app=x") == ["a"]
    assert names(label_selector="app!=x") == ["b", "c"]
    assert names(label_selector="app in (x,y),!tier") == ["b"]
    assert names(label_selector="app notin (x)") == ["b", "c"]
    assert names(field_selector="metadata.name!=b") == ["a", "c"]
    everywhere = core.list_config_map_for_all_namespaces(
        label_selector="app=x", field_selector=f"metadata.namespace={name}"
    )
    assert [item.metadata.name for item in everywhere.items] == ["a"]


def test_pages(local_kubernetes):
    """limit and continue walk through everything once."""
    core, name = local_kubernetes.core, local_kubernetes.name
    for number in range(5):
        core.create_namespaced_config_map(name, {"metadata": {"name": f"c{number}"}})
    found, token = [], None
    while token != "":
        page = core.list_namespaced_config_map(name, limit=2, _continue=token)
        found += [item.metadata.name for item in page.items]
        token = page.metadata._continue or ""

    assert found == [*(f"c{number}" for number in range(5)), ROOT_CA]


def test_three_kinds_of_patches(local_kubernetes):
    """Merge, strategic merge and JSON patch; a stale version is a conflict."""
    core, name = local_kubernetes.core, local_kubernetes.name
    core.create_namespaced_config_map(
        name, {"metadata": {"name": "c", "labels": {"a": "1", "b": "2"}}, "data": {"k": "v"}}
    )
    path = f"/api/v1/namespaces/{name}/configmaps/c"

    def patch(kind, body):
        status, answer = _ask(local_kubernetes, path, "PATCH", body, Content_Type=f"application/{kind}")
        return status, json.loads(answer)

    assert patch("merge-patch+json", {"metadata": {"labels": {"a": None, "c": "3"}}})[1]["metadata"]["labels"] == {
        "b": "2",
        "c": "3",
    }
    assert patch("strategic-merge-patch+json", {"data": {"l": "w"}})[1]["data"] == {"k": "v", "l": "w"}
    assert patch("json-patch+json", [{"op": "replace", "path": "/data/k", "value": "x"}])[1]["data"]["k"] == "x"
    assert patch("json-patch+json", [{"op": "test", "path": "/data/k", "value": "y"}])[0] == 422
    assert patch("merge-patch+json", {"metadata": {"resourceVersion": "1"}, "data": {"k": "z"}})[0] == 409
    assert patch("apply-patch+yaml", {})[0] == 422  # no fieldManager
    assert patch("json", {"metadata": {}})[0] == 415


def test_a_pods_spec_stays_as_it_is_but_labels_change(local_kubernetes, make_pod):
    """KubernetesPodOperator patches a label; a changed command is refused."""
    core, name = local_kubernetes.core, local_kubernetes.name
    core.create_namespaced_pod(name, make_pod("p", "sleep 30"))

    pod = core.patch_namespaced_pod("p", name, {"metadata": {"labels": {"already_checked": "True"}}})

    assert pod.metadata.labels == {"already_checked": "True"}
    with pytest.raises(ApiException) as refused:
        core.patch_namespaced_pod("p", name, {"spec": {"containers": [{"name": "base", "command": ["false"]}]}})
    assert refused.value.status == 422


def test_a_watch_shows_what_happens_and_resumes(local_kubernetes, make_pod):
    """ADDED, MODIFIED, DELETED; from a version on nothing is lost."""
    core, name = local_kubernetes.core, local_kubernetes.name
    version = core.list_namespaced_pod(name).metadata.resource_version
    core.create_namespaced_pod(name, make_pod("p", "sleep 0.2"))
    seen: list[tuple[str, str]] = []

    for event in watch.Watch().stream(core.list_namespaced_pod, name, resource_version=version, timeout_seconds=10):
        seen.append((event["type"], event["object"].status.phase))
        if event["object"].status.phase == "Succeeded" and not event["object"].metadata.deletion_timestamp:
            core.delete_namespaced_pod("p", name)
        if event["type"] == "DELETED":
            break

    assert seen[0] == ("ADDED", "Pending")
    assert ("MODIFIED", "Running") in seen
    assert seen[-1] == ("DELETED", "Succeeded")


def test_a_watch_by_label_shows_an_object_that_fits_no_longer_as_deleted(local_kubernetes):
    """A client that watches a selection can trust its picture of it."""
    core, name = local_kubernetes.core, local_kubernetes.name
    core.create_namespaced_config_map(name, {"metadata": {"name": "c", "labels": {"app": "x"}}})
    threading.Timer(0.2, core.patch_namespaced_config_map, ("c", name, {"metadata": {"labels": {"app": "y"}}})).start()

    stream = watch.Watch().stream(core.list_namespaced_config_map, name, label_selector="app=x", timeout_seconds=5)
    types = [next(stream)["type"], next(stream)["type"]]

    assert types == ["ADDED", "DELETED"]


def test_a_finalizer_holds_an_object(local_kubernetes):
    """Deleted means marked until the finalizer is taken away."""
    core, name = local_kubernetes.core, local_kubernetes.name
    core.create_namespaced_config_map(name, {"metadata": {"name": "c", "finalizers": ["example.com/f"]}})

    core.delete_namespaced_config_map("c", name)

    assert core.read_namespaced_config_map("c", name).metadata.deletion_timestamp is not None
    core.patch_namespaced_config_map("c", name, {"metadata": {"finalizers": None}})
    assert [item.metadata.name for item in core.list_namespaced_config_map(name).items] == [ROOT_CA]


def test_secrets_are_stored_as_data(local_kubernetes):
    """stringData is encoded, bad base64 is refused, an immutable Secret stays."""
    core, name = local_kubernetes.core, local_kubernetes.name
    secret = core.create_namespaced_secret(
        name, {"metadata": {"name": "s"}, "stringData": {"a": "b"}, "immutable": True}
    )
    assert (secret.data, secret.string_data, secret.type) == ({"a": "Yg=="}, None, "Opaque")
    with pytest.raises(ApiException) as bad:
        core.create_namespaced_secret(name, {"metadata": {"name": "t"}, "data": {"a": "%%%"}})
    assert bad.value.status == 400
    with pytest.raises(ApiException) as fixed:
        core.patch_namespaced_secret("s", name, {"stringData": {"a": "c"}})
    assert fixed.value.status == 422


def test_the_certificate_is_verified(local_kubernetes):
    """The kubeconfig's authority is the one that signed; no warning, no insecure flag."""
    config = yaml.safe_load(local_kubernetes.server.kubeconfig.read_text())
    assert "insecure-skip-tls-verify" not in config["clusters"][0]["cluster"]
    assert CoreV1Api(local_kubernetes.client).api_client.configuration.verify_ssl is True
    assert local_kubernetes.core.list_namespace().items


def test_a_put_says_which_object_and_a_post_no_version(local_kubernetes):
    """What does not belong to the path, or to an object that is not there yet, is refused."""
    name = local_kubernetes.name
    local_kubernetes.core.create_namespaced_config_map(name, {"metadata": {"name": "c"}})
    path = f"/api/v1/namespaces/{name}/configmaps"

    def refused(method, where, metadata):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        status, answer = _ask(local_kubernetes, where, method, body)
        return status, json.loads(answer)["message"]

    undetermined = "the name of the object (c based on URL) was undeterminable: name must be provided"
    assert refused("PUT", f"{path}/c", {}) == (400, undetermined)
    assert refused("PUT", f"{path}/c", {"name": "d"})[0] == 400
    assert refused("PUT", f"{path}/c", {"name": "c", "namespace": "other"})[0] == 400
    unset = "resourceVersion should not be set on objects to be created"
    assert refused("POST", path, {"name": "d", "resourceVersion": "1"}) == (500, unset)


def test_a_list_cannot_be_newer_than_the_present(local_kubernetes):
    """504 with the reason that clients know; a version that is no number is told as such."""
    path = f"/api/v1/namespaces/{local_kubernetes.name}/configmaps"

    status, answer = _ask(local_kubernetes, f"{path}?resourceVersion=99999999")
    assert (status, json.loads(answer)["details"]["causes"][0]["reason"]) == (504, "ResourceVersionTooLarge")
    assert _ask(local_kubernetes, f"{path}?resourceVersion=abc")[0] == 500
    assert _ask(local_kubernetes, f"{path}?resourceVersion=1&resourceVersionMatch=NotOlderThan")[0] == 200


def test_a_creator_does_not_decide_the_status(local_kubernetes):
    """A Job that is sent as complete begins as any other."""
    path = f"/apis/batch/v1/namespaces/{local_kubernetes.name}/jobs"
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}
    body = {"metadata": {"name": "j"}, "spec": {"template": template, "suspend": True}, "status": {"succeeded": 7}}

    status, answer = _ask(local_kubernetes, path, "POST", body)

    assert (status, json.loads(answer)["status"]) == (201, {})


def test_how_to_delete_is_said_in_one_way(local_kubernetes):
    """orphanDependents or propagationPolicy, and no unknown one."""
    name = local_kubernetes.name
    local_kubernetes.core.create_namespaced_config_map(name, {"metadata": {"name": "c"}})
    path = f"/api/v1/namespaces/{name}/configmaps/c"

    def field(options):
        status, answer = _ask(local_kubernetes, path, "DELETE", options)
        return status, json.loads(answer)["details"].get("causes", [{}])[0].get("field")

    assert field({"propagationPolicy": "Sometimes"}) == (422, "propagationPolicy")
    assert field({"propagationPolicy": "Background", "orphanDependents": False}) == (422, "propagationPolicy")
    assert field({"dryRun": ["Some"]}) == (422, "dryRun")
    assert _ask(local_kubernetes, path, "DELETE", {"gracePeriodSeconds": "x"})[0] == 400
    assert _ask(local_kubernetes, path, "DELETE", {"gracePeriodSeconds": -1})[0] == 200


DEEP_KIND = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "deeps.example.org"},
    "spec": {
        "group": "example.org",
        "scope": "Namespaced",
        "names": {"plural": "deeps", "singular": "deep", "kind": "Deep"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@pytest.fixture
def deep_path(local_kubernetes):
    """Where objects of a kind lie that take any field."""
    _ask(local_kubernetes, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "POST", DEEP_KIND)
    yield f"/apis/example.org/v1/namespaces/{local_kubernetes.name}/deeps"
    _ask(
        local_kubernetes,
        f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{DEEP_KIND['metadata']['name']}",
        "DELETE",
    )


def _nested(levels, *, lists):
    return "[" * levels + "]" * levels if lists else '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("levels", [90, 250, 900, 5000])
def test_deeply_nested_body_is_taken_or_refused(local_kubernetes, deep_path, levels, lists):
    """400 and never 500, whatever is done with it: created, read, listed, patched, replaced, applied."""
    nested, name = _nested(levels, lists=lists), f"d{levels}{'l' if lists else 'o'}"
    body = f'{{"apiVersion":"example.org/v1","kind":"Deep","metadata":{{"name":"{name}"}},"spec":{nested}}}'
    taken = levels < 100
    status, said = _ask(local_kubernetes, deep_path, "POST", body)
    assert status == (201 if taken else 400), said
    assert taken or b"depth" in said or b"recursion" in said
    if not taken:
        _ask(local_kubernetes, deep_path, "POST", body.replace(nested, "{}"))
    one = f"{deep_path}/{name}"
    assert _ask(local_kubernetes, one)[0] == _ask(local_kubernetes, deep_path)[0] == 200
    for kind in ("merge-patch+json", "apply-patch+yaml"):
        status, said = _ask(
            local_kubernetes, f"{one}?fieldManager=m&force=true", "PATCH", body, Content_Type=f"application/{kind}"
        )
        assert status == (200 if taken else 400), said
    put = body.replace('"metadata":{', f'"metadata":{{"resourceVersion":"{_version(local_kubernetes, one)}",')
    assert _ask(local_kubernetes, one, "PUT", put)[0] == (200 if taken else 400)
    assert _ask(local_kubernetes, one, "DELETE")[0] == 200


def _version(place, path):
    return json.loads(_ask(place, path)[1])["metadata"]["resourceVersion"]


def test_object_does_not_grow_too_deep_by_many_patches(local_kubernetes, deep_path):
    """Each of them is flat enough."""
    body = {"apiVersion": "example.org/v1", "kind": "Deep", "metadata": {"name": "growing"}, "spec": {}}
    assert _ask(local_kubernetes, deep_path, "POST", body)[0] == 201
    value, path, codes = json.loads(_nested(30, lists=False)), "/spec", []
    for _ in range(6):
        patch = [{"op": "add", "path": f"{path}/b", "value": value}]
        codes.append(
            _ask(local_kubernetes, f"{deep_path}/growing", "PATCH", patch, Content_Type="application/json-patch+json")[
                0
            ]
        )
        path += "/b" + "/a" * 29
    assert codes == [200, 200, 200, 422, 422, 422]
    assert _ask(local_kubernetes, f"{deep_path}/growing")[0] == 200
