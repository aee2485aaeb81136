"""One row among Airflow's variables, changed under a lock by the API server and read by the DAG processor.

Why a variable: it is the only thing of the database that DAG processors hand to the processes that read DAG files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.models.log import Log
from airflow.models.variable import Variable
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def read_row(session: Session, key: str) -> str | None:
    """The text of a variable; None without one."""
    row = session.scalar(select(Variable).where(Variable.key == key))
    return None if row is None else text_of(row)


def locked_row(session: Session, key: str, description: str) -> Variable:
    """A variable whose row is locked until the transaction ends; made, with `{}`, where it is missing."""
    query = select(Variable).where(Variable.key == key).with_for_update()
    row: Variable | None = session.scalar(query)
    if row is None:
        try:
            with session.begin_nested():
                session.add(Variable(key, "{}", description))  # type: ignore[no-untyped-call]
        except IntegrityError:  # made by another server at the same moment
            pass
        row = session.scalar(query)
    if row is None:  # pragma: no cover - somebody removes it as fast as it is made
        raise RuntimeError(f"the variable {key} cannot be made")
    return row


def text_of(row: Variable) -> str | None:
    """What a variable says."""
    found: str | None = row.get_val()  # type: ignore[no-untyped-call]
    return found


def set_text(row: Variable, text: str) -> None:
    """Let a variable say something else."""
    row.set_val(text)  # type: ignore[no-untyped-call]


def audit(session: Session, event: str, owner: str, dag_id: str | None = None, extra: str | None = None) -> None:
    """Add a row to Airflow's audit log."""
    about: Any = {"dag_id": dag_id} if dag_id else {}
    session.add(Log(event, owner=owner, extra=extra, **about))
