"""What ended runs mean for people: a failure, another one in a row, a recovery."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from baton_workloads.watch.airflow import AirflowApi, FailedTask, Run, UnreachableError
from baton_workloads.watch.notice import FAILED, RECOVERED, Notice
from baton_workloads.watch.state import Streak, WatchState

IN_A_ROW = 3
OVERLAP = timedelta(minutes=10)
"""A run's end is written a moment after the time that it names: ends this old are asked for again."""
WITHOUT_DETAILS = timedelta(minutes=10)
"""How long Airflow may fail to tell of one run, while it answers, before people hear of it without log and advice."""

Tell = Callable[[Notice], None]


def poll_runs(api: AirflowApi, state: WatchState, tell: Tell, now: datetime) -> None:
    """Report what has ended since the last look. `state` is changed, and complete whenever a notice is sent.

    Why the newest end counts, and the time of the look only as its limit: Airflow's clock may be another one.
    A run of which Airflow cannot tell is asked for again at the next look, with the later ones of its DAG, for a while.

    :param tell: takes each notice, and writes the memory down.
    :raises UnreachableError: of the first run of which Airflow could not tell, after the others.
    """
    looked = datetime.fromisoformat(state.looked)
    runs = api.ended_runs(looked - OVERLAP)
    failed: dict[str, UnreachableError] = {}
    for run in runs:
        if run.key in state.seen or run.dag_id in failed:
            continue
        try:
            _judge(api, state, run, tell)
        except UnreachableError as err:
            if not err.is_answer:
                raise  # it would not answer for the others either
            if now - run.ended < WITHOUT_DETAILS:
                failed[run.dag_id] = err
            else:
                words = f"Run {run.run_id} failed; Airflow does not tell which task did: it {err}."
                _fail(state, run, tell, (words,), (), api.run_link(run))
    if failed:
        raise next(iter(failed.values()))
    state.seen = [run.key for run in runs]
    newest = max((run.ended for run in runs), default=looked)
    state.looked = max(looked, min(now, newest)).isoformat()


def start_at(api: AirflowApi, state: WatchState, now: datetime) -> None:
    """Take what had ended before the first look as known; after a first look that Airflow did not answer, no more."""
    looked = datetime.fromisoformat(state.looked)
    runs = api.ended_runs(looked - OVERLAP)
    state.seen = [run.key for run in runs if now == looked or run.ended <= looked]
    state.started = True


def _judge(api: AirflowApi, state: WatchState, run: Run, tell: Tell) -> None:
    """Count a run's end, as seen in the same moment, and tell of it."""
    if run.state == "success":
        streak = state.streaks.pop(run.dag_id, None)
        state.seen.append(run.key)
        if streak:
            tell(_recovery(api, run, streak))
        return
    tasks, doc = api.failed_tasks(run), api.doc(run.dag_id)  # nothing is counted where Airflow cannot tell
    link = tasks[0].link if tasks else api.run_link(run)
    _fail(state, run, tell, (_what_failed(run, tasks), _what_to_do(doc)), tasks[0].log_tail if tasks else (), link)


def _fail(
    state: WatchState, run: Run, tell: Tell, lines: tuple[str, ...], log: tuple[str, ...], link: str
) -> None:  # fmt: skip
    """Count a failure, as seen in the same moment, and tell of it."""
    state.seen.append(run.key)
    streak = state.streaks.setdefault(run.dag_id, Streak(0, run.ended.isoformat()))
    streak.failures += 1
    again = f" ({streak.failures} times in a row)" if streak.failures > 1 else ""
    subject, urgent = f"{run.dag_id} failed{again}", streak.failures % IN_A_ROW == 0
    tell(Notice(run.key, FAILED, subject, lines, log, link, urgent))


def _what_failed(run: Run, tasks: list[FailedTask]) -> str:
    names = [f"{task.task_id}[{task.map_index}]" if task.map_index >= 0 else task.task_id for task in tasks]
    if not names:
        return f"Run {run.run_id} failed although none of its tasks did: look at its events."
    others = f", then {', '.join(names[1:4])}" if names[1:] else ""
    more = f" and {len(names) - 4} more" if names[4:] else ""
    return f"Run {run.run_id}: {names[0]} failed after {_tries(tasks[0].try_number)}{others}{more}."


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
