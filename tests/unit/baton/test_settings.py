"""What an installation decides: one list, an order of precedence, and a name for whatever is wrong."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from airflow.exceptions import AirflowClusterPolicySkipDag

import airflow_local_settings
from baton.settings import DAG_GROUPS, Settings, SettingsError, settings, shown


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A settings file of this test's, and no variables."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"BATON_{name.upper()}", raising=False)
    monkeypatch.setenv("BATON_SETTINGS_FILE", str(tmp_path / "baton.yaml"))
    path = tmp_path / "baton.yaml"
    path.write_text("")
    return path


def test_a_variable_wins_over_the_file_and_the_file_over_the_default(file, monkeypatch):
    """Each level alone, and said as where it comes from."""
    assert (settings().timezone, settings().owner) == ("UTC", "data-platform")
    file.write_text("timezone: Asia/Tokyo\nowner: us\n")
    monkeypatch.setenv("BATON_OWNER", "them")
    assert (settings().timezone, settings().owner) == ("Asia/Tokyo", "them")
    origins = {row.name: row.origin for row in shown()}
    assert [origins[name] for name in ("timezone", "owner", "namespace")] == [str(file), "BATON_OWNER", "default"]


def test_paths_begin_at_the_folder_of_the_file(file, monkeypatch):
    """And at the working directory where a variable names them; an empty variable is none."""
    file.write_text("data_folder: here\n")
    assert settings().data("alerts", "routes.yaml") == file.parent / "here" / "alerts" / "routes.yaml"
    monkeypatch.chdir(file.parent)
    monkeypatch.setenv("BATON_DATA_FOLDER", "there")
    assert settings().data() == file.parent / "there"
    monkeypatch.setenv("BATON_DATA_FOLDER", "")
    assert settings().data() == file.parent / "here"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("timezone: Prag", "timezone ({file}): 'Prag' is no time zone"),
        ("timezon: UTC", "there is no setting timezon, do you mean timezone?"),
        ("pod_start_seconds: 0", "pod_start_seconds ({file})"),
        ("namespace: Not_A_Name", "namespace ({file}): 'Not_A_Name' is no name of Kubernetes"),
        ("exchange: frankfurt", "exchange ({file})"),
        ("left_out_dags: [report]", "left_out_dags ({file}): report: groups are"),
        ("reports_uri: /tmp", "reports_uri ({file})"),
        ("- a", "settings are a mapping"),
        ("a: [", "it is no YAML"),
        ("timezone: UTC\ntimezone: UTC", "key timezone is given twice"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(file, text, said):
    """And where it comes from, before anything is started with it."""
    file.write_text(text)
    with pytest.raises(Exception, match=r".") as caught:
        settings()
    assert said.format(file=file) in str(caught.value)


def test_all_that_is_wrong_is_said_at_once(file, monkeypatch):
    """Nobody wants to learn of one after the other."""
    file.write_text("owner: ''\n")
    monkeypatch.setenv("BATON_POD_START_SECONDS", "soon")
    with pytest.raises(SettingsError) as caught:
        settings()
    assert "owner (" in str(caught.value)
    assert "pod_start_seconds (BATON_POD_START_SECONDS)" in str(caught.value)


def test_what_needs_data_says_so_where_there_is_none(file):
    """As for users of the wheel alone."""
    with pytest.raises(SettingsError, match="data_folder is not set: it is needed for etl/policies"):
        settings().data("etl", "policies")


def test_a_file_that_is_named_has_to_be_there(monkeypatch):
    """Else a typing error would mean defaults."""
    monkeypatch.setenv("BATON_SETTINGS_FILE", "/nowhere/baton.yaml")
    with pytest.raises(SettingsError, match=r"there is no file /nowhere/baton\.yaml"):
        settings()


@pytest.mark.parametrize("group", DAG_GROUPS)
def test_groups_of_dags_are_left_out(file, group):
    """A team without the demo shop sees no reports of it; nothing else goes."""
    tag = "cronjob" if group == "cronjobs" else f"area/{group}"
    dag = SimpleNamespace(dag_id="d", tags=[tag, "tier/1"])
    airflow_local_settings.dag_policy(dag)
    file.write_text(f"left_out_dags: [{group}]")
    with pytest.raises(AirflowClusterPolicySkipDag):
        airflow_local_settings.dag_policy(dag)
    airflow_local_settings.dag_policy(SimpleNamespace(dag_id="d", tags=["area/other"]))


def test_command_prints_all_of_them(file):
    """With where each comes from and what it is for; a wrong one is one line and an exit code."""
    command = [sys.executable, "-m", "baton.settings_command"]
    rows = json.loads(subprocess.run([*command, "--json"], check=True, capture_output=True, text=True).stdout)
    assert [row["name"] for row in rows] == list(Settings.model_fields)
    assert all(row["purpose"] for row in rows)
    file.write_text("exchange: x")
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("baton settings: exchange (")
