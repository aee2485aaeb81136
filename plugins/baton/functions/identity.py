"""The names under which a task calls functions: the same ones when it is tried again."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from baton.functions.callback_tokens import Callback

if TYPE_CHECKING:
    from airflow.sdk import Context

_NAMESPACE = uuid.UUID("6f0a4a39-6a55-5d0f-9c5d-3b8e0f5a1c77")


@dataclass(frozen=True)
class TaskIdentity:
    """One task instance, whatever its try."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int

    @classmethod
    def of(cls, context: Context) -> TaskIdentity:
        """Take it from a task's context."""
        instance = context["ti"]
        index = instance.map_index if instance.map_index is not None else -1
        return cls(instance.dag_id, instance.run_id, instance.task_id, index)

    @property
    def key(self) -> str:
        """The idempotency key: a UUID, because headers take ASCII only and run ids hold what people choose."""
        names = json.dumps([self.dag_id, self.run_id, self.task_id, self.map_index])
        return str(uuid.uuid5(_NAMESPACE, names))

    def callback(self, call_id: str, expires_at: float, limit_bytes: int) -> Callback:
        """Return what a callback's address stands for."""
        return Callback(self.dag_id, self.run_id, self.task_id, self.map_index, call_id, int(expires_at), limit_bytes)
