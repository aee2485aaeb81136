"""`./baton import`: every field is reported, and the exit code says whether something has to be fixed."""

import json

import pytest
import yaml
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
    assert "1 CronJob becomes 1 DAG, 1 is refused." in output
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


def test_problem_is_told_once(run, write):
    """With its line, where editors jump to."""
    folder = write("etl.yaml", cronjob(spec=["concurencyPolicy: Forbid"]), cronjob("good"))
    _, output = run(folder)
    assert output.count("concurencyPolicy") == 1
    assert "CronJob export → refused, see below\n\n" in output


def test_cronjob_that_its_chain_takes_along_says_so(run, write):
    """Nothing of its own is wrong."""
    folder = write("a.yaml", cronjob("one"), cronjob("two"))
    write("chains.yaml", "chains: {c: {jobs: {two: {after: none}}}}\n")
    _, output = run(folder)
    assert "CronJob two → refused, see below" in output
    assert "there is no CronJob none" in output


def test_what_only_the_server_writes_is_one_line(run, write):
    """Objects as `kubectl get -o yaml` prints them: nobody asks what became of each of their managed fields."""
    fields = "".join(f"      f:part{number}: {{f:of: {{}}}}\n" for number in range(300))
    managed = f"  managedFields:\n  - manager: kubectl\n    fieldsV1:\n{fields}"
    text = (
        cronjob().replace("metadata:\n", f"metadata:\n{managed}  uid: x\n  resourceVersion: '1'\n", 1)
        + "status: {active: [{name: x}]}\n"
    )
    code, output = run(write("a.yaml", text))
    assert (code, len(output) < 1500) == (0, True)
    assert "metadata.managedFields, metadata.uid, metadata.resourceVersion, status: is the server's own" in output
    _, output = run(write("a.yaml", text), "--json")
    assert sum(path.startswith("metadata.managedFields") for path in verdicts(output)) == 1


def test_cronjobs_that_are_alike_are_grouped(run, write):
    """Hundreds of them that differ in their names would fill the page."""
    jobs = [cronjob(f"job-{number}", schedule=f"{number % 60} 1 * * *") for number in range(200)]
    _, output = run(write("a.yaml", *jobs, cronjob("other", spec=["suspend: true"])))
    assert output.count("spec.schedule: with exactly the controller's times") == 2
    assert "201 CronJobs become 201 DAGs, 0 are refused." in output
    assert len(output.splitlines()) < 225


def test_each_document_is_parsed_once_without_json_and_twice_with_it(run, write, monkeypatch):
    """Counted, because a clock tells nothing on a busy machine: lines are looked for only where they are shown."""
    from baton.cronjobs.manifests import yaml_documents

    parsed, composed = [], yaml_documents._composed
    monkeypatch.setattr(yaml_documents, "_composed", lambda *given: parsed.append(given) or composed(*given))
    folder = write("a.yaml", *(cronjob(f"job-{number}") for number in range(30)), "kind: Secret\n")
    run(folder)
    assert len(parsed) == 31
    parsed.clear()
    run(folder, "--json")
    assert len(parsed) == 31 + 30


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_list_of_many_is_looked_through_once(run, tmp_path, monkeypatch, form):
    """As `kubectl get cronjobs -o json` prints it: what looks at a whole text does so once, not for each item."""
    from baton.cronjobs.manifests import unfilled, yaml_documents

    looked = []
    for name in ("line_of_ytt", "may_be_unfilled"):
        real = getattr(unfilled, name)
        monkeypatch.setattr(yaml_documents, name, lambda text, real=real: looked.append(len(text)) or real(text))
    items = [yaml.safe_load(cronjob(f"job-{number}")) for number in range(50)]
    text = {"json": json.dumps, "yaml": yaml.safe_dump}[form]({"apiVersion": "v1", "kind": "List", "items": items})
    (tmp_path / f"all.{form}").write_text(text)
    _, output = run(tmp_path)
    assert "50 CronJobs become 50 DAGs" in output
    assert sum(looked) <= 2 * len(text)


def test_separators_are_counted_once(write):
    """The line of each document is that of the one before and what lies between, however many there are."""
    from baton.cronjobs.manifests.yaml_documents import read_documents

    class Counted(str):
        seen = 0

        def count(self, sub, start=0, end=None):
            Counted.seen += (len(self) if end is None else end) - start
            return super().count(sub, start, end)

    text = Counted("---\n".join("kind: A\nx: 1\n" for _ in range(500)))
    lines = [document.line() for document in read_documents(text)]
    assert lines == [1 + 3 * number for number in range(500)]
    assert Counted.seen <= len(text)
