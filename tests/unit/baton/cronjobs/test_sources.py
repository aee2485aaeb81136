"""Files that mean nothing before a program has filled them in are said to be so, with the program."""

import io
import shutil
import subprocess
import sys

import pytest
from tests.unit.baton.cronjobs.conftest import cronjob

from baton.cronjobs.importing.command import main
from baton.cronjobs.importing.filling import fill
from baton.cronjobs.loading import load_cronjobs
from baton.cronjobs.manifests.files import read_manifests

PATCH = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: export}\nspec: {schedule: '0 5 * * *', suspend: false}\n"
FLUX = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps}\nspec: {path: ./base}\n"


@pytest.fixture
def tree(tmp_path):
    """Write files below a folder, by their paths; returns the folder."""

    def write(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return write


KUSTOMIZE = {
    "base/cronjob.yaml": cronjob(spec=["suspend: true"]),
    "base/kustomization.yaml": "resources: [cronjob.yaml]\n",
    "overlays/prod/kustomization.yaml": (
        "namespace: shop\nnamePrefix: prod-\nresources: [../../base]\npatches: [{path: p.yaml}]\n"
    ),
    "overlays/prod/p.yaml": PATCH,
}


def told(found, folder):
    return [(problem.file.replace(f"{folder}/", ""), problem.message) for problem in found.problems]


def test_base_and_overlay_are_not_read_as_they_lie_there(tree):
    """They would become a CronJob that no cluster has; where DAGs are made, no program is run."""
    folder = tree(KUSTOMIZE)
    found = load_cronjobs([folder])
    assert found.cronjobs == {}
    assert [problem.file for problem in found.problems] == [f"{folder}/overlays/prod/kustomization.yaml"]
    assert f"kubectl kustomize {folder}/overlays/prod | ./baton import -" in found.problems[0].message


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")
def test_kubectl_fills_in_what_the_report_is_of(tree):
    """Where it is installed; the overlay, not the base."""
    found = read_manifests([tree(KUSTOMIZE)], fill)
    assert [(each.name, each.namespace, each.spec["schedule"]) for each in found.manifests] == [
        ("prod-export", "shop", "0 5 * * *")
    ]
    assert found.problems == []
    assert [source.kind for source in found.filled] == ["kustomize"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")
def test_what_kubectl_says_of_a_wrong_kustomization_is_told(tree):
    """It names the file that is not there."""
    folder = tree({"kustomization.yaml": "resources: [none.yaml]\n", "other.yaml": cronjob()})
    (folder / "kustomization.yaml").write_text("resources: [none.yaml, other.yaml]\n")
    [(file, message)] = told(read_manifests([folder], fill), folder)
    assert (file, "none.yaml" in message) == ("kustomization.yaml", True)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a/Kustomization": "resources: [c.yaml]\n", "a/c.yaml": cronjob()}, [("a/Kustomization", "is a folder of")]),
        (
            {"kustomization.yml": "resources: [a/c.yaml]\n", "a/c.yaml": cronjob()},
            [("kustomization.yml", "is a folder of")],
        ),
        ({"kustomization.yaml": "resources: [d.yaml]\n", "d.yaml": "kind: Secret\n"}, []),
        (
            {"kustomization.yaml": "resources: ['https://example.com/a?ref=v1']\n"},
            [("kustomization.yaml", "is a folder of")],
        ),
        ({"kustomization.yaml": "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n"}, []),
        ({"kustomization.yaml": FLUX}, []),
        ({"kustomization.yaml": "resources: []\n", "role.yaml": "kind: Role\nrules: [{resources: [cronjobs]}]\n"}, []),
        (
            {"c/Chart.yaml": "name: c\n", "c/templates/j.yaml": "kind: CronJob\n"},
            [("c/Chart.yaml", "is a folder of Helm")],
        ),
        ({"c/Chart.yaml": "name: c\n", "c/templates/s.yaml": "kind: Secret\n"}, []),
    ],
)
def test_folders_of_programs_are_known_by_their_file(tree, files, expected):
    """Those without a CronJob are left alone."""
    folder = tree(files)
    found = read_manifests([folder])
    assert [
        (file, message[: len(begin)]) for (file, message), (_, begin) in zip(told(found, folder), expected, strict=True)
    ] == expected
    assert found.manifests == []


def test_folder_beside_a_source_is_read(tree):
    """Only what the kustomization leads to is its own, and not what lies beside it and is applied by itself."""
    flux = {"flux/kustomization.yaml": FLUX, "flux/c.yaml": cronjob("flux")}
    folder = tree({**KUSTOMIZE, **flux, "plain/c.yaml": cronjob("plain"), "base/own.yaml": cronjob("own")})
    assert [each.name for each in read_manifests([folder]).manifests] == ["own", "flux", "plain"]


def test_source_that_is_named_itself_is_one(tree):
    """Its file, as well as its folder."""
    folder = tree(KUSTOMIZE)
    for path in (folder / "base", folder / "base" / "kustomization.yaml"):
        [problem] = read_manifests([path]).problems
        assert f"kubectl kustomize {folder}/base " in problem.message


TEMPLATE = """\
apiVersion: template.openshift.io/v1
kind: Template
metadata: {name: nightly}
parameters: [{name: SCHEDULE, value: "0 3 * * *"}, {name: IMAGE, required: true}, {name: KEY, generate: expression}]
objects:
- apiVersion: v1
  kind: List
  items:
"""


def test_template_of_openshift_names_the_program_and_its_parameters(tree):
    """Left alone, its CronJob would be missed."""
    item = "  - " + cronjob().replace("\n", "\n    ").strip()
    folder = tree({"t.yaml": f"{TEMPLATE}{item}\n"})
    [(_, message)] = told(read_manifests([folder]), folder)
    assert f"oc process --local -f {folder}/t.yaml -p IMAGE=… -o yaml | ./baton import -" in message
    without = tree({"t.yaml": TEMPLATE.replace("items:\n", "items: []\n")})
    assert told(read_manifests([without]), without) == []


def test_notes_to_ytt_are_no_comments(tree):
    """YAML skips them, and what they would have changed."""
    folder = tree(
        {"a.yaml": cronjob().replace("suspend", "x").replace("image: busybox", "image: busybox #@ data.values.image")}
    )
    found = read_manifests([folder])
    assert (found.manifests, found.problems[0].line, "ytt -f" in found.problems[0].message) == ([], 14, True)
    assert told(read_manifests([tree({"a.yaml": "#@todo of somebody\n" + cronjob()})]), folder) == []


@pytest.mark.parametrize(
    ("old", "new", "path", "message"),
    [
        (
            "name: export",
            "name: ${NAME}",
            "metadata.name",
            "${NAME} was not filled in yet: import what this prints: envsubst",
        ),
        (
            "name: export",
            "name: x\n  namespace: $NAMESPACE",
            "metadata.namespace",
            "$NAMESPACE was not filled in yet: import",
        ),
        ("name: export", "name: <NAME>", "metadata.name", "<NAME> was not filled in yet: write the value"),
        (
            "name: export",
            "name: '{{ .Release.Name }}-x'",
            "metadata.name",
            "{{ .Release.Name }} was not filled in yet: import",
        ),
        ('"0 1 * * *"', "${SCHEDULE}", "spec.schedule", "${SCHEDULE} was not filled in yet: import"),
        ('"0 1 * * *"', '"{{ schedule }}"', "spec.schedule", "{{ schedule }} was not filled in yet: import"),
        (
            "spec:\n  s",
            "spec:\n  suspend: ${{SUSPEND}}\n  s",
            "spec.suspend",
            "${{SUSPEND}} was not filled in yet: import what this prints: oc",
        ),
        (
            "spec:\n  s",
            "spec:\n  suspend: __SUSPEND__\n  s",
            "spec.suspend",
            "__SUSPEND__ was not filled in yet: write",
        ),
        (
            "name: export",
            "name: x\n  labels: {app: '#{APP}#'}",
            "metadata.labels.app",
            "#{APP}# was not filled in yet: write",
        ),
        ("name: export", "name: x\n  namespace: $(NS)", "metadata.namespace", "$(NS) was not filled in yet: write"),
        (
            "- name: main",
            "- name: '@NAME@'",
            "spec.jobTemplate.spec.template.spec.containers[0].name",
            "@NAME@ was not",
        ),
    ],
)
def test_place_that_was_to_be_filled_in_is_said_to_be_one(tree, old, new, path, message):
    """Not that it is no name: nobody meant it as one."""
    found = load_cronjobs([tree({"a.yaml": cronjob().replace(old, new, 1)})])
    [problem] = found.problems
    assert (problem.path, problem.message[: len(message)]) == (path, message)
    assert found.cronjobs == {}


@pytest.mark.parametrize("image", ["app:{{LABEL}}", "${REGISTRY}/app:1", "<registry>/app:1", "$IMAGE", "app:#{TAG}#"])
def test_image_that_was_not_filled_in_is_told_although_kubernetes_takes_it(tree, image):
    """It becomes a DAG, as it would become a CronJob; the exit code says that something is to be done."""
    folder = tree({"a.yaml": cronjob(image=f"'{image}'")})
    found = load_cronjobs([folder])
    assert list(found.cronjobs) == ["export"]
    assert [problem.path for problem in found.problems] == ["spec.jobTemplate.spec.template.spec.containers[0].image"]
    assert main([str(folder)]) == 1


@pytest.mark.parametrize(
    "line",
    [
        "command: [sh, -c, 'echo ${HOME} $(date) <EOF {{.Names}} %d @x@']",
        'args: ["--format={{.State}}", "$(NAME)", "<b>"]',
        "env: [{name: A, value: 'Shop <shop@example.com>'}, {name: B, value: '${C}'}]",
        "volumeMounts: []\n            workingDir: /srv/@app",
    ],
)
def test_signs_that_a_program_needs_are_left_alone(tree, line):
    """A shell's variables, Go's templates, HTML."""
    folder = tree({"a.yaml": cronjob().replace("image: busybox", f"image: busybox\n            {line}")})
    assert load_cronjobs([folder]).problems == []


def test_standard_input_is_read(monkeypatch, capsys):
    """What another program prints."""
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO((cronjob("one") + "---\n" + cronjob("two")).encode()))
    )
    assert main(["-"]) == 0
    assert "2 CronJobs become 2 DAGs, 0 are refused." in capsys.readouterr().out


def test_standard_input_that_is_no_text_is_told(monkeypatch, capsys):
    """As of a file."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: \xff\n")))
    assert main(["-"]) == 1
    assert "standard input: is not UTF-8 (byte 3)" in capsys.readouterr().out


def test_linked_folders_are_read_once(tree):
    """As a folder that git-sync links; a link to above is no end without end."""
    folder = tree({"real/a.yaml": cronjob()})
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link").symlink_to(folder / "real", target_is_directory=True)
    (elsewhere / "above").symlink_to(elsewhere, target_is_directory=True)
    assert [each.name for each in read_manifests([elsewhere]).manifests] == ["export"]


def test_folder_without_permission_is_told(tree):
    """Skipped without a word, its CronJobs would be missed. In a process of an account that is not root's."""
    folder = tree({"open/a.yaml": cronjob(), "shut/b.yaml": cronjob("shut")})
    (folder / "shut").chmod(0o000)
    script = (
        "import os; from baton.cronjobs.importing.command import main\n"
        f"os.chdir({str(folder)!r}); os.chmod('.', 0o755)\n"  # what lies above may be root's own
        "os.getuid() or (os.setgid(65534), os.setuid(65534))\n"
        "print([main([path]) for path in ('.', 'shut', 'shut/b.yaml')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    (folder / "shut").chmod(0o755)
    assert done.stdout.splitlines()[-1] == "[1, 1, 2]"
    assert "shut: cannot be looked into: Permission denied" in done.stdout
    assert "cannot be read: Permission denied" in done.stderr


def test_chains_file_by_either_ending_and_by_itself(tree):
    """`chains.yml` is one too; by itself it says nothing."""
    folder = tree(
        {"a.yaml": cronjob("a") + "---\n" + cronjob("b"), "chains.yml": "chains: {c: {jobs: {b: {after: a}}}}\n"}
    )
    found = load_cronjobs([folder])
    assert ([chain.name for chain in found.chains], found.problems) == (["c"], [])
    [problem] = read_manifests([folder / "chains.yml"]).problems
    assert problem.message == "is read with the manifests: name the folder it is in"
