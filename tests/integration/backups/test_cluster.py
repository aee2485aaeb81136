"""Objects and volumes of a namespace, against the local Kubernetes."""

import base64

import pytest
import yaml

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


def test_a_snapshot_that_fails_fails_the_stage(stages, driver, claim):
    """A driver's error is no reason to wait until the end."""
    driver({"readyToUse": False, "error": {"message": "no space"}})
    code, _, error = stages.run("snapshot-volumes", "--run-key", "d")
    assert (code, "claim data failed" in error) == (65, True)


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
    from datetime import timedelta

    from baton_workloads.backup import volumes

    kept, gone = (stages.run("snapshot-volumes", "--run-key", "d")[1]["snapshots"][claim] for _ in range(2))
    assert stages.run("prune-snapshots", "--keep", kept)[1]["deleted"] == []
    monkeypatch.setattr(volumes, "KEPT_WHILE", timedelta(seconds=-5))
    assert stages.run("prune-snapshots", "--keep", kept)[1]["deleted"] == [gone]
