"""Whether Airflow itself works: it answers, its parts beat, its files can be read, and what is due is started."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from baton_workloads.watch.airflow import AirflowApi
from baton_workloads.watch.memory import Memory, Trouble
from baton_workloads.watch.notice import OVER, TROUBLE, Notice

PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
ADVICE = {
    "unreachable": "Nothing can be triggered or looked at; whether runs start is unknown. Look at the api-server.",
    "part": "Look at its log; it may hang or have been killed.",
    "late": "Nothing is started, or too slowly: look at the scheduler's log and load.",
    "import": "Its DAGs are as they were or gone. Mend the file; the web UI shows the whole error.",
}

Tell = Callable[[Notice], None]


def unreachable(words: str) -> dict[str, str]:
    """The trouble of an Airflow that does not answer."""
    return {"unreachable": f"Airflow {words}"}


def troubles(api: AirflowApi, late_after: timedelta, now: datetime) -> dict[str, str]:
    """What is wrong now: key → one line."""
    found = {
        f"part {name}": f"Airflow's {name.replace('_', '-')} is {status}"
        for name, status in api.health().items()
        if name in PARTS and status == "unhealthy"
    }
    late = [dag for dag in api.due_dags(now - late_after) if api.active_runs(dag.dag_id) < dag.max_active_runs]
    if late:
        first = min(late, key=lambda dag: dag.due)
        others = f" and {len(late) - 1} more DAGs" if len(late) > 1 else ""
        found["late"] = f"Airflow starts nothing: {first.dag_id}{others} was due at {first.due:%Y-%m-%d %H:%M} UTC"
    for name, words in sorted(api.import_errors().items()):
        found[f"import {name}"] = f"DAG file {name} cannot be read: {words[:200]}"
    return found


def compare(memory: Memory, found: dict[str, str], patience: timedelta, tell: Tell, now: datetime, link: str) -> None:
    """Tell what lasts and what is over. `memory` is changed.

    :param patience: how long something has to last; a restart is nobody's business.
    """
    for key, subject in found.items():
        trouble = memory.troubles.setdefault(key, Trouble(now.isoformat(), subject))
        if not trouble.told and now - datetime.fromisoformat(trouble.since) >= patience:
            trouble.told = True
            tell(_notice(key, TROUBLE, subject, trouble, link))
    if "unreachable" in found:
        return  # whether the rest is over cannot be known
    for key in [key for key in memory.troubles if key not in found]:
        trouble = memory.troubles.pop(key)
        if trouble.told:
            tell(_notice(key, OVER, f"Over: {trouble.subject}", trouble, link))


def _notice(key: str, kind: str, subject: str, trouble: Trouble, link: str) -> Notice:
    since = f"Since {trouble.since[:16].replace('T', ' ')} UTC."
    advice = ADVICE[key.split()[0]] if kind == TROUBLE else ""
    urgent = not key.startswith("import")
    return Notice(
        f"{key}/{trouble.since}/{kind}", kind, subject, tuple(filter(None, (since, advice))), (), link, urgent
    )
