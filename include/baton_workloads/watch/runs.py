"""What ended runs mean for people: a failure, another one in a row, a recovery."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from baton_workloads.watch.airflow import AirflowApi, FailedTask, Run
from baton_workloads.watch.memory import Memory, Streak
from baton_workloads.watch.notice import FAILED, RECOVERED, Notice

IN_A_ROW = 3
OVERLAP = timedelta(minutes=10)
"""A run's end is written a moment after the time that it names: ends this old are asked for again."""

Tell = Callable[[Notice], None]


def look_at_runs(api: AirflowApi, memory: Memory, tell: Tell, now: datetime) -> None:
    """Tell what has ended since the last look. `memory` is changed.

    Why the newest end counts, and the time of the look only as its limit: Airflow's clock may be another one.

    :param tell: takes each notice.
    """
    looked = datetime.fromisoformat(memory.looked)
    runs = api.ended_runs(looked - OVERLAP)
    for run in runs:
        if run.key not in memory.seen:
            _judge(api, memory, run, tell)
            memory.seen.append(run.key)  # at once: Airflow may stop to answer before the next one
    memory.seen = [run.key for run in runs]
    newest = max((run.ended for run in runs), default=looked)
    memory.looked = max(looked, min(now, newest)).isoformat()


def start_at(api: AirflowApi, memory: Memory) -> None:
    """Take what has ended before the first look as known."""
    memory.seen = [run.key for run in api.ended_runs(datetime.fromisoformat(memory.looked) - OVERLAP)]


def _judge(api: AirflowApi, memory: Memory, run: Run, tell: Tell) -> None:
    if run.state == "success":
        streak = memory.streaks.pop(run.dag_id, None)
        if streak:
            tell(_recovery(api, run, streak))
        return
    tasks, doc = api.failed_tasks(run), api.doc(run.dag_id)  # nothing is counted where Airflow cannot tell
    streak = memory.streaks.setdefault(run.dag_id, Streak(0, run.ended.isoformat()))
    streak.failures += 1
    tell(_failure(run, streak, tasks, doc, api.run_link(run)))


def _failure(run: Run, streak: Streak, tasks: list[FailedTask], doc: str, link: str) -> Notice:
    again = f" ({streak.failures} times in a row)" if streak.failures > 1 else ""
    return Notice(
        key=run.key,
        kind=FAILED,
        subject=f"{run.dag_id} failed{again}",
        lines=(*_what_failed(run, tasks), _what_to_do(doc)),
        log=tasks[0].log_tail if tasks else (),
        link=tasks[0].link if tasks else link,
        urgent=streak.failures % IN_A_ROW == 0,
    )


def _what_failed(run: Run, tasks: list[FailedTask]) -> list[str]:
    names = [f"{task.task_id}[{task.map_index}]" if task.map_index >= 0 else task.task_id for task in tasks]
    if not names:
        return [f"Run {run.run_id} failed although none of its tasks did: look at its events."]
    others = f", then {', '.join(names[1:4])}" if names[1:] else ""
    more = f" and {len(names) - 4} more" if names[4:] else ""
    return [f"Run {run.run_id}: {names[0]} failed after {_tries(tasks[0].try_number)}{others}{more}."]


def _tries(number: int) -> str:
    return f"{number} try" if number == 1 else f"{number} tries"


def _what_to_do(doc: str) -> str:
    _, found, rest = doc.partition("## If it fails\n")
    words = rest.split("\n## ", 1)[0].strip() if found else ""
    return words.replace("\n", " ") or "The DAG's documentation does not say what to do."


def _recovery(api: AirflowApi, run: Run, streak: Streak) -> Notice:
    failures = "one failure" if streak.failures == 1 else f"{streak.failures} failures in a row"
    return Notice(
        key=run.key,
        kind=RECOVERED,
        subject=f"{run.dag_id} works again",
        lines=(f"Run {run.run_id} succeeded after {failures} since {streak.since[:16].replace('T', ' ')} UTC.",),
        link=api.run_link(run),
        urgent=streak.failures >= IN_A_ROW,
    )
