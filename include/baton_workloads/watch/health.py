"""Whether Airflow itself works: it answers, its parts beat, its files can be read, and what is due is started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from baton_workloads.watch.airflow import AirflowApi
from baton_workloads.watch.airflow_responses import AlertReceiver
from baton_workloads.watch.notice import OVER, TROUBLE, Notice
from baton_workloads.watch.state import Trouble, WatchState
from baton_workloads.watch.text import end_of

UNREACHABLE, REFUSED, SETTINGS = "unreachable", "refused", "settings"
NO_AIRFLOW = f"{SETTINGS} airflow"
ERROR_LENGTH = 200
FORGOTTEN = timedelta(days=1)
"""How long a switch may be off before somebody is reminded."""
PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
ADVICE = {
    UNREACHABLE: "Nothing can be triggered or looked at; whether runs start is unknown. Look at the api-server.",
    "part": "Look at its log; it may hang or have been killed.",
    "late": "Nothing is started, or too slowly: look at the scheduler's log and load.",
    REFUSED: "Until then nothing is known of any run. Correct the user or the password in the watch's settings.",
    SETTINGS: "Correct the watch's environment; docs/failure-notices.md says what it wants.",
    "memory": "Until then nothing is looked at: no failed run is reported.",
    "alerts": "See the page Alerts in the web UI, or `baton alerts status`.",
    "import": "Its DAGs are as they were or gone. Mend the file; the web UI shows the whole error.",
}

Tell = Callable[[Notice], None]


def unreachable(words: str) -> dict[str, str]:
    """The trouble of an Airflow that does not answer."""
    return {UNREACHABLE: f"Airflow {words}"}


def refused(words: str) -> dict[str, str]:
    """The trouble of an Airflow that does not let the watch look."""
    return {REFUSED: words}


def settings(found: Mapping[str, str]) -> dict[str, str]:
    """The troubles of settings: name → one line."""
    return {f"{SETTINGS} {name}": words for name, words in found.items()}


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
        found[f"import {name}"] = f"DAG file {name} cannot be read: {end_of(words, ERROR_LENGTH)}"
    return found | _alerts(api.alert_receiver(), now)


def _alerts(receiver: AlertReceiver, now: datetime) -> dict[str, str]:
    """What is wrong with the receiver of alerts: files, senders that are refused, switches that somebody forgot."""
    found = {}
    if receiver.problem:
        found["alerts routes"] = f"The routes of alerts: {end_of(receiver.problem, ERROR_LENGTH)}"
    if receiver.senders_problem:
        found["alerts senders"] = f"The senders of alerts: {end_of(receiver.senders_problem, ERROR_LENGTH)}"
    for posts in receiver.refused:
        if posts.endpoint:  # strangers knock at addresses that there are not
            who = posts.sender or "somebody unknown"
            found[f"alerts refused {posts.sender} {posts.endpoint} {posts.status}"] = (
                f"Alerts of {who} to {posts.endpoint} are refused: {end_of(posts.reason, ERROR_LENGTH)}"
            )
    for switch in receiver.off:
        if not switch.until and now - switch.at >= FORGOTTEN:
            what = f"route {switch.route} is" if switch.route else "all routes are"
            found[f"alerts off {switch.route}"] = (
                f"Alerts start nothing: {what} off since {switch.at:%Y-%m-%d %H:%M} UTC, by {switch.by}"
            )
    return found


def compare(
    state: WatchState, found: dict[str, str], threshold: timedelta, tell: Tell, now: datetime, link: str
) -> None:
    """Tell what lasts and what is over. `state` is changed.

    :param threshold: how long something has to last; a restart is nobody's business.
    """
    for key, subject in found.items():
        trouble = state.troubles.setdefault(key, Trouble(now.isoformat(), subject))
        if not trouble.told and now - datetime.fromisoformat(trouble.since) >= threshold:
            trouble.told = True
            tell(_notice(key, TROUBLE, subject, trouble, link))
    for key in [key for key in state.troubles if key not in found and _can_be_over(key, found)]:
        trouble = state.troubles.pop(key)
        if trouble.told:
            tell(_notice(key, OVER, f"Over: {trouble.subject}", trouble, link))


def _can_be_over(key: str, found: Mapping[str, str]) -> bool:
    """Whether a trouble that is not found is over, and not only out of sight."""
    if key.startswith(SETTINGS):
        return True
    if UNREACHABLE in found or NO_AIRFLOW in found:
        return False
    return REFUSED not in found or key == UNREACHABLE


def _notice(key: str, kind: str, subject: str, trouble: Trouble, link: str) -> Notice:
    since = f"Since {trouble.since[:16].replace('T', ' ')} UTC."
    advice = ADVICE[key.split()[0]] if kind == TROUBLE else ""
    urgent = not key.startswith(("import", "alerts"))
    return Notice(
        f"{key}/{trouble.since}/{kind}", kind, subject, tuple(filter(None, (since, advice))), (), link, urgent
    )
