"""`./baton import`: every field is reported, and the exit code says whether something has to be fixed."""

import json

import pytest
from tests.unit.baton.cronjobs.conftest import cronjob

from baton.cronjobs.importing.command import main
from baton.cronjobs.importing.fidelity import VERDICTS


@pytest.fixture
def run(capsys):
    """Run the command; returns its exit code and what it printed."""

    def command(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, capsys.readouterr().out

    return command


def leaves(value, path=""):
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in leaves(inner, f"{path}.{key}" if path else key)]
    if isinstance(value, list) and value:
        return [leaf for at, inner in enumerate(value) for leaf in leaves(inner, f"{path}[{at}]")]
    return [path]


def verdicts(output, name="export"):
    [entry] = [entry for entry in json.loads(output)["cronjobs"] if entry["name"] == name]
    return {field["path"]: (field["verdict"], field["note"]) for field in entry["fields"]}


EVERYTHING = [
    "timeZone: Europe/Prague",
    "suspend: false",
    "concurrencyPolicy: Forbid",
    "startingDeadlineSeconds: 60",
    "successfulJobsHistoryLimit: 3",
    "failedJobsHistoryLimit: 1",
]


def test_every_field_has_a_verdict_and_a_line(run, write):
    """Nothing is silently dropped."""
    metadata = ["namespace: shop", "labels: {app: etl}", "annotations: {baton.dev/owner: data, helm.sh/hook: none}"]
    folder = write("etl.yaml", cronjob(spec=EVERYTHING, metadata=metadata) + "status: {}\n")
    code, output = run(folder, "--json")
    found = verdicts(output)
    pod = "spec.jobTemplate.spec.template.spec"
    assert code == 0
    assert {path: verdict for path, (verdict, _) in found.items()} == {
        "apiVersion": "kept",
        "kind": "kept",
        "metadata.name": "translated",
        "metadata.namespace": "kept",
        "metadata.labels.app": "no effect",
        "metadata.annotations[baton.dev/owner]": "translated",
        "metadata.annotations[helm.sh/hook]": "no effect",
        "spec.schedule": "kept",
        "spec.timeZone": "kept",
        "spec.suspend": "kept",
        "spec.concurrencyPolicy": "kept",
        "spec.startingDeadlineSeconds": "kept",
        "spec.successfulJobsHistoryLimit": "no effect",
        "spec.failedJobsHistoryLimit": "no effect",
        f"{pod}.restartPolicy": "kept",
        f"{pod}.containers[0].name": "kept",
        f"{pod}.containers[0].image": "kept",
        "status": "no effect",
    }
    assert all(note for verdict, note in found.values() if verdict != "kept")
    lines = [field["line"] for entry in json.loads(output)["cronjobs"] for field in entry["fields"]]
    assert lines == sorted(lines)


def test_refused_field_names_file_line_and_path(run, write):
    """And the exit code fails the build."""
    folder = write("etl.yaml", cronjob(spec=["concurencyPolicy: Forbid"]), cronjob("good"))
    code, output = run(folder)
    assert code == 1
    assert f"{folder}/etl.yaml:7: spec.concurencyPolicy: unknown field; did you mean concurrencyPolicy?" in output
    assert "1 CronJobs become 1 DAGs, 1 are refused." in output
    _, output = run(folder, "--json")
    assert verdicts(output)["spec.concurencyPolicy"][0] == "refused"
    assert verdicts(output, "good")["spec.schedule"][0] == "kept"


def test_missing_field_is_in_the_report(run, write):
    """Although it stands nowhere."""
    folder = write("etl.yaml", cronjob().replace("restartPolicy: Never", "terminationGracePeriodSeconds: 1"))
    _, output = run(folder, "--json")
    assert verdicts(output)["spec.jobTemplate.spec.template.spec.restartPolicy"] == (
        "refused",
        "must be OnFailure or Never, is missing, which means Always",
    )


def test_missing_namespace_is_told(run, write):
    """In Kubernetes it is that of whoever applies the file."""
    _, output = run(write("etl.yaml", cronjob()), "--json")
    assert verdicts(output)["metadata.namespace"][0] == "translated"


def test_place_in_a_chain_is_told(run, write):
    """A follower's clock is translated, not forgotten."""
    folder = write("etl.yaml", cronjob("export"), cronjob("load", spec=EVERYTHING))
    write("chains.yaml", "chains: {nightly: {jobs: {load: {after: export}}}}\n")
    _, output = run(folder, "--json")
    found = verdicts(output, "load")
    assert found["metadata.name"] == ("translated", "to DAG nightly, task load; Jobs are named after it as before")
    assert found["spec.schedule"] == ("translated", "to: runs after export, instead of by the clock")
    assert found["spec.startingDeadlineSeconds"] == ("no effect", "it does not start by the clock")
    assert json.loads(output)["proposals"] == []


@pytest.mark.parametrize("content", ["a: [\n", "chains: []\n", "kind: CronJob\n"])
def test_what_cannot_be_read_fails(run, write, content):
    """Whatever it is."""
    name = "chains.yaml" if "chains" in content else "a.yaml"
    code, output = run(
        write(name, content) if name == "a.yaml" else write("b.yaml", cronjob()) and write(name, content)
    )
    assert code == 1
    assert f"{name}:" in output


def test_nothing_to_look_at_is_an_error_of_its_own(run, tmp_path):
    """An empty folder in a CI job is a mistake, not a success."""
    assert run(tmp_path)[0] == 2
    assert run(tmp_path / "none.yaml")[0] == 2
    assert run()[0] == 2


def test_cluster_that_is_not_there_is_an_error_of_its_own(run, tmp_path):
    """Not a traceback."""
    code, _ = run("--from-cluster", "--kubeconfig", tmp_path / "none")
    assert code == 2


def test_text_and_json_count_the_same(run, write):
    """The one is for people, the other for programs."""
    folder = write("etl.yaml", cronjob(spec=EVERYTHING), cronjob("bad", schedule="@reboot"))
    _, text = run(folder, "--all")
    _, output = run(folder, "--json")
    fields = [field for entry in json.loads(output)["cronjobs"] for field in entry["fields"]]
    for verdict in VERDICTS:
        number = sum(field["verdict"] == verdict for field in fields)
        assert f"{number} {verdict}" in text
        assert text.count(f"\n  {verdict:<10}  ") == number


def test_other_objects_are_named(run, write):
    """Somebody else has to deploy them."""
    _, output = run(write("all.yaml", cronjob(), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"))
    assert "Left alone, for whoever deploys them: 1 ConfigMap." in output
