"""Objects and volumes of a namespace, against the local Kubernetes."""

import base64
import json
import threading
import time
from datetime import timedelta

import pytest
import yaml
from kubernetes.client import ApiextensionsV1Api, BatchV1Api, CustomObjectsApi
from tests.workloads.backups import kill_at_random

CONFIG_MAP = {"metadata": {"name": "settings", "labels": {"app": "shop"}}, "data": {"colour": "blue"}}
SECRET = {"metadata": {"name": "password"}, "stringData": {"password": "Kanarienvogel7431"}}


def fill(place):
    """A ConfigMap and a Secret."""
    place.core.create_namespaced_config_map(place.name, CONFIG_MAP)
    place.core.create_namespaced_secret(place.name, SECRET)


@pytest.mark.parametrize("cluster", ["stages", "slow_stages"])
def test_every_object_is_stored_and_can_be_applied_again(cluster, request):
    """What comes back has kind, name and content, and nothing that a server fills in."""
    stages = request.getfixturevalue(cluster)
    fill(stages.place) if cluster == "stages" else None
    code, result, error = stages.run("export-cluster", "--run-key", "d")
    assert code == 0, error
    objects = {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(stages.opened(result))}
    assert ("ServiceAccount", "default") in objects
    assert sum(result["objects"].values()) == len(objects)
    if cluster == "stages":
        settings = objects["ConfigMap", "settings"]
        assert settings["data"] == {"colour": "blue"}
        assert settings["metadata"] == {"name": "settings", "namespace": stages.place.name, "labels": {"app": "shop"}}


def test_kinds_of_every_version_of_a_group_are_stored(stages):
    """A group's preferred version need not know all of its kinds; each object is stored once."""
    api, objects = ApiextensionsV1Api(stages.place.client), CustomObjectsApi(stages.place.client)
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    served = {"Lamp": ["v1", "v1beta1"], "Bulb": ["v1beta1"]}
    for kind, versions in served.items():
        names = {"plural": f"{kind.lower()}s", "singular": kind.lower(), "kind": kind}
        made = [{"name": v, "served": True, "storage": v == versions[0], "schema": schema} for v in versions]
        spec = {"group": "house.example", "scope": "Namespaced", "names": names, "versions": made}
        api.create_custom_resource_definition({"metadata": {"name": f"{names['plural']}.house.example"}, "spec": spec})
    try:
        for kind, versions in served.items():
            where = ("house.example", versions[0], stages.place.name, f"{kind.lower()}s")
            body = {"apiVersion": f"house.example/{versions[0]}", "kind": kind, "metadata": {"name": "one"}}
            objects.create_namespaced_custom_object(*where, body)
        code, result, error = stages.run("export-cluster", "--run-key", "d")
        assert code == 0, error
        assert (result["objects"]["Lamp"], result["objects"]["Bulb"]) == (1, 1)
        kept = {item["kind"]: item["apiVersion"] for item in yaml.safe_load_all(stages.opened(result))}
        assert (kept["Lamp"], kept["Bulb"]) == ("house.example/v1", "house.example/v1beta1")
    finally:
        for kind in served:
            api.delete_custom_resource_definition(f"{kind.lower()}s.house.example")


JOB = {
    "template": {
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox", "command": ["x"]}]}
    }
}


def test_a_waiting_job_and_a_bound_claim_can_be_applied_after_a_loss(stages, claim):
    """Each is deleted and made again from the backup; a finished Job would run again, so it is not there."""
    jobs = BatchV1Api(stages.place.client)
    jobs.create_namespaced_job(stages.place.name, {"metadata": {"name": "waits"}, "spec": {**JOB, "suspend": True}})
    jobs.create_namespaced_job(stages.place.name, {"metadata": {"name": "over"}, "spec": JOB})
    ended = [{"type": "Complete", "status": "True"}]
    jobs.patch_namespaced_job_status("over", stages.place.name, {"status": {"conditions": ended}})
    code, result, error = stages.run("export-cluster", "--run-key", "d")
    assert code == 0, error
    stored = {item["metadata"]["name"]: item for item in yaml.safe_load_all(stages.opened(result))}
    assert "over" not in stored
    jobs.delete_namespaced_job("waits", stages.place.name)
    stages.place.core.delete_namespaced_persistent_volume_claim(claim, stages.place.name)
    again = jobs.create_namespaced_job(stages.place.name, stored["waits"])
    claimed = stages.place.core.create_namespaced_persistent_volume_claim(stages.place.name, stored[claim])
    assert again.spec.selector.match_labels["batch.kubernetes.io/controller-uid"] == again.metadata.uid
    assert claimed.spec.volume_name in (None, f"pvc-{claimed.metadata.uid}")


def test_secrets_are_stored_encrypted_only(stages):
    """Neither the value nor its base64 form is in any file of the store."""
    fill(stages.place)
    _, result, _ = stages.run("export-cluster", "--run-key", "d")
    canary = b"Kanarienvogel7431"
    assert base64.b64encode(canary) in stages.opened(result)
    stored = b"".join(path.read_bytes() for path in stages.root.rglob("*") if path.is_file())
    assert canary not in stored
    assert base64.b64encode(canary) not in stored


def test_volumes_are_snapshotted_and_waited_for(stages, driver, claim):
    """The part names each claim's snapshot; a second run makes another one."""
    code, result, error = stages.run("snapshot-volumes", "--run-key", "d")
    assert code == 0, error
    [made] = stages.part(result)["snapshots"]
    assert (made["claim"], made["handle"]) == (claim, f"content-{made['snapshot']}")
    _, again, _ = stages.run("snapshot-volumes", "--run-key", "d")
    assert again["snapshots"] != result["snapshots"]


def test_a_snapshot_that_fails_fails_the_stage(stages, driver, claim, monkeypatch):
    """A driver's error that stays is no reason to wait until the end."""
    monkeypatch.setattr("baton_workloads.backup.volumes.ERROR_SECONDS", 0.5)
    driver({"readyToUse": False, "error": {"message": "no space"}})
    code, _, error = stages.run("snapshot-volumes", "--run-key", "d")
    assert (code, "claim data failed" in error) == (65, True)


def test_an_error_that_the_driver_takes_back_is_none(stages, driver, claim, monkeypatch):
    """Snapshot controllers try again by themselves; most of their errors are conflicts of a moment."""
    monkeypatch.setattr("baton_workloads.backup.volumes.POLL_SECONDS", 0.05)
    driver({"readyToUse": False, "error": {"message": "the object has been modified"}})
    objects = CustomObjectsApi(stages.place.client)
    where = ("snapshot.storage.k8s.io", "v1", stages.place.name, "volumesnapshots")

    def repair() -> None:
        found = []
        while not found or "status" not in found[0]:
            found = objects.list_namespaced_custom_object(*where)["items"]
            time.sleep(0.05)
        time.sleep(0.5)  # the stage sees the error meanwhile
        body = {**found[0], "status": {"readyToUse": True, "boundVolumeSnapshotContentName": "content"}}
        objects.replace_namespaced_custom_object_status(*where, found[0]["metadata"]["name"], body)

    thread = threading.Thread(target=repair)
    thread.start()
    code, result, error = stages.run("snapshot-volumes", "--run-key", "d")
    thread.join()
    assert code == 0, error
    assert stages.part(result)["snapshots"][0]["handle"] == "content"


def test_a_snapshot_that_is_never_ready_is_not_waited_for_for_ever(stages, driver, claim):
    """After its time the stage says so, and may be tried again."""
    driver({"readyToUse": False})
    code, _, error = stages.run("snapshot-volumes", "--run-key", "d", "--patience", "0.5")
    assert (code, "not ready in time" in error) == (75, True)


def test_a_cluster_without_snapshots_is_said_in_the_manifest(stages, claim):
    """Skipped is not the same as none."""
    code, result, _ = stages.run("snapshot-volumes", "--run-key", "d")
    assert code == 0
    assert stages.part(result)["skipped"] == "this cluster does not serve snapshot.storage.k8s.io/v1"


def test_snapshots_that_no_backup_names_go_when_they_are_old(stages, driver, claim, monkeypatch):
    """Those that a backup still names, and those of the last days, stay."""
    from baton_workloads.backup import volumes

    kept, gone = (stages.run("snapshot-volumes", "--run-key", "d")[1]["snapshots"][claim] for _ in range(2))
    assert stages.run("prune-snapshots", "--keep", kept)[1]["deleted"] == []
    monkeypatch.setattr(volumes, "KEPT_WHILE", timedelta(seconds=-5))
    assert stages.run("prune-snapshots", "--keep", "all")[1]["deleted"] == []
    assert stages.run("prune-snapshots", "--keep", kept)[1]["deleted"] == [gone]


TRIES = [2, pytest.param(40, marks=pytest.mark.soak)]


@pytest.mark.parametrize("tries", TRIES)
def test_a_killed_export_counts_for_nothing(stages, tries):
    """The next one has every object, as if there had been no other."""
    fill(stages.place)
    _, before, _ = stages.run("export-cluster", "--run-key", "d")
    kill_at_random(lambda: stages.spawn("export-cluster", "--run-key", "d"), tries)
    for path in (stages.root / "parts").rglob("*.json"):
        chunks = json.loads(path.read_text())["chunks"]
        assert all((stages.root / chunk["path"]).stat().st_size == chunk["bytes"] for chunk in chunks)
    code, result, error = stages.run("export-cluster", "--run-key", "d")
    assert code == 0, error
    assert result["objects"] == before["objects"]
    assert stages.opened(result) == stages.opened(before)


@pytest.mark.parametrize("tries", TRIES)
def test_what_killed_snapshots_left_goes_and_what_a_backup_names_stays(stages, driver, claim, tries, monkeypatch):
    """The next one waits for a snapshot of its own; the others belong to nobody and are pruned."""
    kill_at_random(lambda: stages.spawn("snapshot-volumes", "--run-key", "d"), tries)
    code, result, error = stages.run("snapshot-volumes", "--run-key", "d")
    assert code == 0, error
    kept = result["snapshots"][claim]
    monkeypatch.setattr("baton_workloads.backup.volumes.KEPT_WHILE", timedelta(seconds=-5))
    assert stages.run("prune-snapshots", "--keep", kept)[0] == 0
    where = ("snapshot.storage.k8s.io", "v1", stages.place.name, "volumesnapshots")
    left = CustomObjectsApi(stages.place.client).list_namespaced_custom_object(*where)["items"]
    assert [item["metadata"]["name"] for item in left] == [kept]
