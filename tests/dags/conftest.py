"""The DAGs as Airflow sees them, parsed once, with everything forbidden that parsing must not do."""

import socket
from pathlib import Path

import pytest

DAGS_FOLDER = Path(__file__).parents[2] / "dags"


@pytest.fixture(scope="session")
def dag_bag():
    """All DAGs. Parsing that opens a connection, or asks for a Variable or a Connection, fails."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import BaseHook, Connection, Variable

    def forbidden(*_, **__):
        raise AssertionError("a DAG file must not do this while it is parsed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", forbidden)
        patch.setattr(Variable, "get", forbidden)
        patch.setattr(Connection, "get", forbidden)
        patch.setattr(BaseHook, "get_connection", forbidden)
        bag = DagBag(dag_folder=DAGS_FOLDER)
    assert bag.import_errors == {}
    return bag
