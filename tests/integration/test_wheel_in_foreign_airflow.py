"""The wheel in an Airflow that a team has already: plain pip, an AIRFLOW_HOME of its own, two lines in a DAG file.

Only the wheel is installed anew. Airflow and the other dependencies are those of this environment, shown to the fresh
one by a path file: installing them again would take minutes. pip checks all the same that nothing is missing.
"""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)
PROJECT = Path(__file__).parents[2]
MANIFESTS = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: export}
spec:
  schedule: "0 1 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: main, image: busybox}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: load}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: main, image: busybox}]
"""
CHAINS = "chains: {nightly: {jobs: {load: {after: export}}}}\n"
DAG_FILE = """\
# Airflow DAGs of our CronJobs
from baton.cronjobs import cronjob_dags
globals().update(cronjob_dags({folder!r}))
"""
"""Two lines, and the comment: Airflow reads only files that hold the words airflow and dag."""
OPERATOR_DAG = """\
from airflow.sdk import dag
from baton.cronjobs import LiveSource
from baton.cronjobs import JobOperator
from baton.workloads import WorkloadOperator

@dag(schedule=None)
def by_hand():
    JobOperator(task_id="run", source=LiveSource("export", "default"))
    WorkloadOperator(task_id="work", command=["--help"])

by_hand()
"""
ASK = Path(__file__).with_name("ask_foreign_airflow.py")
ASK_REPLACEMENTS = ASK.with_name("ask_foreign_replacements.py")
TRIGGERER = "airflow.jobs.triggerer_job_runner"


class ForeignAirflow:
    """A virtual environment and an AIRFLOW_HOME far from the project."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder / "elsewhere", folder / "elsewhere" / "airflow"
        self.python = folder / "venv" / "bin" / "python"
        venv.create(folder / "venv", with_pip=True)
        (self.home / "dags").mkdir(parents=True)
        [packages] = (folder / "venv" / "lib").glob("python*/site-packages")
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def run(self, *arguments: str | Path, **settings: str) -> str:
        """Run Python there; nothing of the project is on its path.

        :param settings: of Baton, as variables.
        """
        own = {name: text for name, text in os.environ.items() if not name.startswith(("AIRFLOW", "BATON", "PYTHON"))}
        own |= {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ann:viewer",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
        }
        own |= settings
        command = [str(self.python), *map(str, arguments)]
        done = subprocess.run(command, env=own, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, f"{arguments}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> ForeignAirflow:
    """That Airflow, with the wheel and with a team's DAG files and manifests."""
    folder = tmp_path_factory.mktemp("foreign")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, check=True, cwd=PROJECT, capture_output=True)
    [wheel] = folder.glob("*.whl")
    made = ForeignAirflow(folder)
    made.run("-m", "pip", "install", "--no-index", wheel)
    manifests = made.folder / "manifests"
    manifests.mkdir()
    (manifests / "jobs.yaml").write_text(MANIFESTS)
    (manifests / "chains.yaml").write_text(CHAINS)
    (made.home / "dags" / "cronjobs.py").write_text(DAG_FILE.format(folder=str(manifests)))
    (made.home / "dags" / "by_hand.py").write_text(OPERATOR_DAG)
    (made.home / "passwords.json").write_text('{"ann": "secret"}')
    made.run("-m", "airflow", "db", "migrate")
    made.run("-m", "airflow", "dags", "reserialize")
    return made


@pytest.fixture(scope="module")
def answers(foreign: ForeignAirflow) -> dict[str, object]:
    """What its DAGs and its API server say."""
    *_, last = foreign.run(ASK).splitlines()
    return json.loads(last)


def test_it_is_the_wheel_that_answers(answers, foreign):
    """Neither the checkout nor a plugins folder is on its path."""
    assert Path(answers["baton"]).is_relative_to(foreign.python.parents[1])


def test_operators_are_there(answers):
    """A DAG file of the team uses them."""
    assert answers["import_errors"] == {}
    assert answers["dags"]["by_hand"] == {"run": "JobOperator", "work": "WorkloadOperator"}


def test_two_lines_load_the_cronjobs(answers):
    """Manifests and chain become a DAG."""
    assert answers["dags"]["nightly"] == {"export": "JobOperator", "load": "JobOperator"}


@pytest.mark.parametrize(
    ("settings", "replaced"),
    [
        ({}, {}),
        (
            {"BATON_CAREFUL_TRIGGERER": "true"},
            {
                "TriggerRunnerSupervisor": (
                    "careful_triggerer",
                    "baton.airflow_internals.abandoned_triggers:CarefulSupervisor",
                )
            },
        ),
        (
            {"BATON_PROMPT_TRIGGERER": "true"},
            {"TriggerRunner": ("prompt_triggerer", "baton.airflow_internals.prompt_triggerer:PromptTriggerRunner")},
        ),
    ],
    ids=["no setting", "careful", "prompt"],
)
def test_nothing_of_airflow_is_replaced_unless_a_setting_says_so(foreign, settings, replaced):
    """Looked at in all of Airflow's modules, after the plugin was loaded and a component has started."""
    *_, last = foreign.run(ASK_REPLACEMENTS, **settings).splitlines()
    said = json.loads(last)
    assert said.pop("looked_at") > 1000
    assert said == {
        "replaced": [f"{TRIGGERER}.{name}" for name in replaced],
        "said": [
            f"INFO Replaced Airflow's {TRIGGERER}.{name} by {ours}, because the setting {setting} is on"
            for name, (setting, ours) in replaced.items()
        ],
    }


def test_page_is_in_the_menu(answers):
    """Under the name by which people look for it."""
    assert ("CronJob chains", "baton/chains/") in {(view["name"], view["href"]) for view in answers["views"]}


@pytest.mark.parametrize("path", ["", "chains.css", "chains.js", "data"])
def test_page_wants_the_login_of_the_ui(answers, path):
    """Without it, with a token that is not Airflow's, with the UI's cookie, with a bearer token."""
    assert answers["pages"][path] == {"nobody": 401, "forged": 403, "cookie": 200, "bearer": 200}


def test_people_are_sent_to_the_login(answers):
    """Who opens the page's address comes back to it."""
    assert answers["browser"] == 307
    assert "/auth/login" in answers["login"]
    assert "next=http" in answers["login"]


@pytest.mark.parametrize("query", ["hours=0", "hours=1000", "end=yesterday", "end=0001-01-01T00:00:00%2B14:00"])
def test_question_that_makes_no_sense_is_refused(answers, query):
    """With 422, as Airflow does."""
    assert answers["refused"][query] == 422


def test_page_shows_the_chain_on_the_clock(answers):
    """Read from what Airflow stored of the DAG: the API server needs no manifests."""
    [chain] = answers["data"]["chains"]
    assert chain["name"] == "nightly"
    assert [(job["key"], job["schedule"], job["after"]) for job in chain["jobs"]] == [
        ("export", "0 1 * * *", []),
        ("load", "0 3 * * *", ["export"]),
    ]
    assert [tick["at"] for job in chain["jobs"] for tick in job["ticks"]] == [
        "2026-03-02T01:00:00+00:00",
        "2026-03-02T03:00:00+00:00",
    ]


def test_page_shows_only_dags_that_one_may_read(answers):
    """What somebody may not see in Airflow, this page does not show either."""
    assert answers["hidden"] == []


def test_page_brings_everything_itself(answers):
    """No address of another host is in it, and its policy would refuse one."""
    assert answers["policy"].startswith("default-src 'none'; script-src 'self'")
    assert "http" not in answers["html"]
