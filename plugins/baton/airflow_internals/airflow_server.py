"""What is taken from inside Airflow's API server: who has signed in, what they may see, sessions of the database.

Why one module: `airflow.api_fastapi` is not a stable interface. What changes there is changed here and nowhere else.
It costs seconds to import, so nothing that tasks or DAG files import may import this.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, get_user, requires_access_dag
from fastapi import Depends, Request

__all__ = [
    "MAY_EDIT_DAGS",
    "MAY_SEE_RUNS",
    "SIGNED_IN",
    "MayEditDags",
    "ReadableDags",
    "SessionDep",
    "UserName",
    "login_address",
]

SIGNED_IN = Depends(get_user)
"""Wants the login of the web UI: its cookie, or a bearer token. 401 without one, 403 for one that is not Airflow's."""

MAY_SEE_RUNS = [
    Depends(requires_access_dag("GET", DagAccessEntity.RUN)),
    Depends(requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE)),
]
"""Wants what Airflow's own list of task instances wants; 403 otherwise."""

MAY_EDIT_DAGS = [Depends(requires_access_dag("PUT"))]
"""Wants the right to edit DAGs, all of them; 403 otherwise."""


def _may_edit_dags(user: GetUserDep) -> bool:
    return bool(get_auth_manager().is_authorized_dag(method="PUT", user=user))


MayEditDags = Annotated[bool, Depends(_may_edit_dags)]
"""Whether the signed-in user has that right."""


def _user_name(user: GetUserDep) -> str:
    return str(user.get_name())


UserName = Annotated[str, Depends(_user_name)]
"""Who is signed in."""


def _readable_dags(user: GetUserDep) -> set[str]:
    return _dags_of(user)


def _dags_of(user: BaseUser) -> set[str]:
    return set(get_auth_manager().get_authorized_dag_ids(user=user))


ReadableDags = Annotated[set[str], Depends(_readable_dags)]
"""The ids of the DAGs that the signed-in user may read."""


def login_address(request: Request) -> str:
    """Where to sign in, and to come back to this address afterwards."""
    login = get_auth_manager().get_url_login()
    return f"{login}{'&' if '?' in login else '?'}next={quote(str(request.url), safe='')}"
