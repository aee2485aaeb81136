"""DAGS.md is made from the DAGs, and a check notices when it was not."""

import pytest

from baton import dag_docs

DAG_FILE = '''"""
## What
Copies. A lot.

## Schedule and why
Every day, when
it is quiet. Never by day.
"""
from airflow.sdk import DAG

dag = DAG("copy_things", schedule=None, doc_md=__doc__, tags=["tier/2", "area/etl"])
'''


@pytest.fixture
def arguments(tmp_path):
    """A folder with one DAG, and where its documentation goes."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "copy_things.py").write_text(DAG_FILE)
    return ["--dags", str(tmp_path / "dags"), "--output", str(tmp_path / "DAGS.md")]


def test_file_has_an_overview_and_the_dags_own_words(arguments, tmp_path):
    """The overview says when, in the first sentence of the schedule's part."""
    assert dag_docs.main(arguments) == 0
    text = (tmp_path / "DAGS.md").read_text()
    assert "| [copy_things](#copy_things) | Every day, when it is quiet | area/etl, tier/2 |" in text
    assert "## copy_things\n\n### What\nCopies. A lot." in text


def test_check_fails_until_the_file_is_what_the_dags_say(arguments, tmp_path, capsys):
    """It names the command that helps."""
    assert dag_docs.main([*arguments, "--check"]) == 1
    assert "python -m baton.dag_docs" in capsys.readouterr().err
    dag_docs.main(arguments)
    assert dag_docs.main([*arguments, "--check"]) == 0
    (tmp_path / "DAGS.md").write_text("edited by hand")
    assert dag_docs.main([*arguments, "--check"]) == 1


def test_dag_file_that_cannot_be_read_is_named(arguments, tmp_path):
    """A list with a DAG missing would look right."""
    (tmp_path / "dags" / "broken.py").write_text("from airflow.sdk import DAG\nraise ValueError('broken here')\n")
    with pytest.raises(SystemExit, match="broken here"):
        dag_docs.main(arguments)
