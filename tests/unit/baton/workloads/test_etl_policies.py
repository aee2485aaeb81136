"""Policies reach the pods exactly as they stand in the files."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from baton.exceptions import PermanentError
from baton.workloads.etl_policies import policies_env, read_policies


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
