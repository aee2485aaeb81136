"""What is taken from inside Airflow's API server: who has signed in, what they may see, sessions of the database.

Why one module: `airflow.api_fastapi` is not a stable interface. What changes there is changed here and nowhere else.
It costs seconds to import, so nothing that tasks or DAG files import may import this.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.auth.tokens import get_signing_key
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, get_user, requires_access_dag
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials

__all__ = [
    "MAY_EDIT_DAGS",
    "MAY_SEE_RUNS",
    "SIGNED_IN",
    "MayEditDags",
    "ReadableDags",
    "SessionDep",
    "SignedInUser",
    "UserName",
    "login_address",
    "server_secret",
    "user_of",
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


class SignedInUser:
    """Who has signed in, and what Airflow's auth manager lets them do."""

    def __init__(self, user: BaseUser) -> None:
        self._user = user
        self.name = str(user.get_name())

    def may_see_runs(self, dag_id: str) -> bool:
        """Whether they may look at the runs of a DAG."""
        return self._may("GET", dag_id, DagAccessEntity.RUN)

    def may_start_runs(self, dag_id: str) -> bool:
        """Whether they may start a DAG."""
        return self._may("POST", dag_id, DagAccessEntity.RUN)

    def may_change_runs(self, dag_id: str) -> bool:
        """Whether they may end its runs, or let them go on."""
        return self._may("PUT", dag_id, DagAccessEntity.RUN)

    def may_edit(self, dag_id: str | None) -> bool:
        """Whether they may pause and reschedule a DAG; None: all of them."""
        return self._may("PUT", dag_id, None)

    def readable(self) -> set[str]:
        """The DAGs that they may see."""
        return _dags_of(self._user)

    def _may(self, method: Literal["GET", "POST", "PUT"], dag_id: str | None, entity: DagAccessEntity | None) -> bool:
        manager, details = get_auth_manager(), DagDetails(id=dag_id)
        return bool(manager.is_authorized_dag(method=method, access_entity=entity, details=details, user=self._user))


async def user_of(request: Request) -> SignedInUser:
    """Who has signed in to the web UI, by its cookie or a bearer token.

    :raises HTTPException: 401 nobody, 403 with a token that is not Airflow's.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    shown = HTTPAuthorizationCredentials(scheme=scheme, credentials=token.strip()) if token else None
    return SignedInUser(await get_user(request, None, shown))


def server_secret() -> str:
    """The secret that all API servers of an installation share, and nobody else knows."""
    return get_signing_key("api", "secret_key")


def login_address(request: Request) -> str:
    """Where to sign in, and to come back to this address afterwards."""
    login = get_auth_manager().get_url_login()
    return f"{login}{'&' if '?' in login else '?'}next={quote(str(request.url), safe='')}"
