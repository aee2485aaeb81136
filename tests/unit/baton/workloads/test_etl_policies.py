"""Policies reach the pods exactly as they stand in the files."""

import json
import subprocess
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from baton.exceptions import PermanentError
from baton.workloads.etl_policies import LONGEST_BYTES, policies_env, read_policies
from baton_workloads.etl.policy import load


def test_policies_are_read_by_dataset_in_order(tmp_path):
    """The file's name is the dataset's name; the order does not depend on the file system."""
    (tmp_path / "orders.yaml").write_text("columns: {id: keep}")
    (tmp_path / "customers.yaml").write_text("columns: {id: pseudonym}")
    (tmp_path / "notes.txt").write_text("no policy")
    assert list(read_policies(tmp_path).items()) == [
        ("customers", {"columns": {"id": "pseudonym"}}),
        ("orders", {"columns": {"id": "keep"}}),
    ]


def test_folder_without_policies_is_refused(tmp_path):
    """Nothing to load is a mistake, not an empty run."""
    with pytest.raises(PermanentError, match="policy init"):
        read_policies(tmp_path)


def test_file_that_is_no_mapping_is_refused(tmp_path):
    """The message names the file."""
    (tmp_path / "orders.yaml").write_text("- id")
    with pytest.raises(PermanentError, match=r"orders\.yaml"):
        read_policies(tmp_path)


@given(st.text(alphabet='{}%#"\\\\ ač', max_size=12))
def test_a_pattern_that_looks_like_a_template_survives_templating(pattern):
    """What the pod reads is what the file says, although Airflow renders environment variables."""
    policies = {"orders": {"columns": {"note": {"replace": pattern}}}}
    rendered = Environment(autoescape=True).from_string(policies_env(policies)["BATON_POLICIES"]).render()
    assert json.loads(rendered) == policies


def wide(datasets):
    """Policies of so many tables of 13 columns."""
    columns = {f"column_{number}": {"rule": "pseudonym", "domain": f"d.{number}"} for number in range(13)}
    return {f"table_{number}": {"source": f"public.Table {number}", "columns": columns} for number in range(datasets)}


@pytest.mark.parametrize("datasets", [1, 400, 2000])
def test_policies_of_many_tables_fit_into_an_environment(datasets, monkeypatch):
    """A program starts with them, and the workload reads what the files say."""
    variable = policies_env(wide(datasets))
    rendered = Environment(autoescape=True).from_string(variable["BATON_POLICIES"]).render()
    subprocess.run(["true"], env={"PATH": "/usr/bin:/bin", "BATON_POLICIES": rendered}, check=True)
    monkeypatch.setenv("BATON_POLICIES", rendered)
    read = load(None)
    assert list(read) == sorted(wide(datasets))
    assert read["table_0"].source == "public.Table 0"


def test_policies_that_fit_nowhere_are_refused_when_the_dag_is_parsed():
    """Not by the node that cannot start the pod."""
    random = Random(7)
    noise = {f"t{n}": {"columns": {random.randbytes(20).hex(): "keep"}} for n in range(LONGEST_BYTES // 15)}
    with pytest.raises(PermanentError, match="also compressed"):
        policies_env(noise)
