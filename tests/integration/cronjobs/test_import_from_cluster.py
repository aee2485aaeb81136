"""`./baton import` asks a cluster: its CronJobs, their Jobs, and what differs from the files."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from baton.cronjobs.importing.command import main


def cronjob(name, schedule, **spec):
    data = {"export": ["--output", "s3://raw/orders"], "load": ["--input", "s3://raw/orders"]}
    container = {"name": "main", "image": "busybox", "command": ["true"], "args": data.get(name, [])}
    pod = {"restartPolicy": "Never", "containers": [container]}
    template = {"spec": {"template": {"spec": pod}}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {"schedule": schedule, "jobTemplate": template, **spec},
    }


@pytest.fixture
def batch(local_kubernetes):
    """The official client's BatchV1Api."""
    from kubernetes.client import BatchV1Api

    return BatchV1Api(local_kubernetes.client)


@pytest.fixture
def run(local_kubernetes, capsys):
    """Run the command against the cluster; returns its exit code and what it printed."""

    def command(*arguments):
        code = main([*map(str, arguments), "--kubeconfig", str(local_kubernetes.server.kubeconfig)])
        return code, capsys.readouterr().out

    return command


def test_cronjobs_of_a_cluster_are_told_of(run, batch, local_kubernetes):
    """With the server's defaults, its own account, and what could be chained."""
    space = local_kubernetes.name
    for name, schedule in (("export", "0 1 * * *"), ("load", "0 2 * * *")):
        batch.create_namespaced_cron_job(space, cronjob(name, schedule))
    applied = {"apiVersion": "batch/v1", "kind": "CronJob", **cronjob("export", "0 1 * * *")}
    batch.patch_namespaced_cron_job(
        "export", space, applied, field_manager="a-team", _content_type="application/apply-patch+yaml"
    )
    assert batch.read_namespaced_cron_job("export", space).metadata.managed_fields
    code, output = run("--from-cluster", "-n", space, "--json")
    report = json.loads(output)
    assert code == 0
    assert [(entry["name"], entry["namespace"], entry["file"]) for entry in report["cronjobs"]] == [
        ("export", space, f"cluster:{space}/export"),
        ("load", space, f"cluster:{space}/load"),
    ]
    verdicts = {field["path"]: field["verdict"] for field in report["cronjobs"][0]["fields"]}
    assert verdicts["spec.schedule"] == "kept"
    assert verdicts["metadata.uid"] == verdicts["status"] == "no effect"
    assert not [path for path in verdicts if "managedFields" in path]  # dozens of lines that say nothing
    assert [(each["first"], each["then"]) for each in report["proposals"]] == [("export", "load")]


def test_jobs_history_says_what_the_buffer_was_worth(run, batch, local_kubernetes):
    """Jobs of the controller and of Airflow count alike."""
    space = local_kubernetes.name
    for name, schedule in (("export", "0 1 * * *"), ("load", "0 2 * * *")):
        batch.create_namespaced_cron_job(space, cronjob(name, schedule, suspend=True))
    tick = datetime.now(UTC) - timedelta(minutes=90)
    annotations = {
        "baton.dev/cronjob": "export",
        "batch.kubernetes.io/cronjob-scheduled-timestamp": tick.isoformat(timespec="seconds"),
    }
    spec = cronjob("export", "0 1 * * *")["spec"]["jobTemplate"]["spec"]
    batch.create_namespaced_job(space, {"metadata": {"name": "export-1", "annotations": annotations}, "spec": spec})
    end = time.monotonic() + 30
    while not batch.read_namespaced_job("export-1", space).status.completion_time:
        assert time.monotonic() < end
        time.sleep(0.1)
    for name in ("export", "load"):
        batch.patch_namespaced_cron_job(name, space, {"spec": {"suspend": False}})
    _, output = run("--from-cluster", "-n", space, "--json")
    [proposal] = json.loads(output)["proposals"]
    assert (proposal["known_runs"], proposal["buffer_too_short"], proposal["idle_minutes"]) == (1, 1, 0)
    assert 90 <= proposal["typical_minutes"] < 91


def test_cronjobs_of_a_cluster_become_files(run, batch, local_kubernetes, tmp_path):
    """Which the cluster does not differ from; what is there already is not touched."""
    space = local_kubernetes.name
    manifest = cronjob("export", "0 1 * * *", timeZone="Europe/Prague")
    manifest["metadata"] |= {"annotations": {"baton.dev/owner": "data"}}
    [container] = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    texts = ("y", "1e3", "08", "22:22", "2026-01-31", "=", "null", "~", "0x1F", "on")  # some readers see no texts here
    container["env"] = [{"name": f"A{place}", "value": text} for place, text in enumerate(texts)]
    batch.create_namespaced_cron_job(space, manifest)
    folder = tmp_path / "cronjobs"
    assert run("--from-cluster", "-n", space, "--write", folder)[0] == 0
    [file] = folder.iterdir()
    content = yaml.safe_load(file.read_text())
    assert file.name == f"{space}.export.yaml"
    assert content["metadata"] == {"name": "export", "namespace": space, "annotations": {"baton.dev/owner": "data"}}
    assert content["spec"]["timeZone"] == "Europe/Prague"
    assert "status" not in content
    code, output = run(folder, "--check")
    assert (code, "Differs" in output) == (0, False)

    file.write_text("# mine\n")
    run("--from-cluster", "-n", space, "--write", folder)
    assert file.read_text() == "# mine\n"


def test_check_fails_when_the_cluster_differs(run, batch, local_kubernetes, tmp_path):
    """Defaults of the server are no difference, nor is what `adopt` does."""
    space = local_kubernetes.name
    file = tmp_path / "etl.yaml"
    manifest = cronjob("export", "0 1 * * *")
    manifest["metadata"]["namespace"] = space
    file.write_text(yaml.safe_dump(manifest))
    code, output = run(file, "--check")
    assert (code, "Not in the cluster: export." in output) == (0, True)

    batch.create_namespaced_cron_job(space, manifest)
    batch.patch_namespaced_cron_job("export", space, {"spec": {"suspend": True}})
    assert run(file, "--check")[0] == 0

    container = {"name": "main", "image": "busybox:2"}
    changed = {"schedule": "0 5 * * *", "jobTemplate": {"spec": {"template": {"spec": {"containers": [container]}}}}}
    batch.patch_namespaced_cron_job("export", space, {"spec": changed})
    code, output = run(file, "--check")
    assert code == 1
    assert 'export: spec.schedule: "0 1 * * *" in the file, "0 5 * * *" in the cluster' in output
    image = "spec.jobTemplate.spec.template.spec.containers[0].image"
    assert f'export: {image}: "busybox" in the file, "busybox:2" in the cluster' in output


def test_file_that_the_cluster_refuses_is_a_difference(run, batch, local_kubernetes, tmp_path):
    """In the server's own words: only a cluster knows which storage drivers it has."""
    space = local_kubernetes.name
    manifest = cronjob("export", "0 1 * * *")
    manifest["metadata"]["namespace"] = space
    batch.create_namespaced_cron_job(space, manifest)
    template = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    template["volumes"] = [{"name": "data", "csi": {"driver": "files.example.org"}}]
    file = tmp_path / "etl.yaml"
    file.write_text(yaml.safe_dump(manifest))
    code, output = run(file, "--check")
    assert code == 1
    assert "export: the cluster refuses the file:" in output
    assert 'volume "data": csi' in output
