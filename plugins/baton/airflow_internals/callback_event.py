"""The event by which a trigger ends a callback of Airflow's table (a trigger that belongs to no task)."""

from __future__ import annotations

from airflow.triggers.base import TriggerEvent
from airflow.triggers.callback import PAYLOAD_BODY_KEY, PAYLOAD_STATUS_KEY
from airflow.utils.state import CallbackState


def callback_event(error: str = "") -> TriggerEvent:
    """Say that the callback is done, or with which error it failed."""
    state = CallbackState.FAILED if error else CallbackState.SUCCESS
    return TriggerEvent({PAYLOAD_STATUS_KEY: state.value, PAYLOAD_BODY_KEY: error})  # type: ignore[no-untyped-call]
