"""The documentation of the DAGs that are made of job files."""

from __future__ import annotations

from baton.doc_sections import HEADINGS
from baton.jobs.model.job import Job
from baton.jobs.model.steps import kind_of
from baton.jobs.model.words import Outcomes, in_words
from baton.jobs.reading import FiledJob
from baton.jobs.run.names import tasks_of, zone_of
from baton.schedules.in_words import in_words as cron_in_words

_POLICIES = {
    "Allow": "Runs may overlap.",
    "Forbid": "A run that would overlap waits.",
    "Replace": "A run ends the one before it.",
}


def job_doc(filed: FiledJob) -> str:
    """Describe a job's DAG."""
    job = filed.job
    steps = "\n".join(f"- `{name}`: {kind_of(step)}" for name, step in zip(job.step_names(), job.steps, strict=True))
    what = f"{job.description or f'The job {job.name}.'}\n\n{steps}"
    told = ", ".join(f"`{each}`" for each in job.on_complete) or "nothing is announced"
    flow = f"What its steps name → {told}."
    fails = (
        f"The log names the step and why. A step is tried again {job.retry}. Clearing the task goes on with the step "
        "that failed; what is done is not done again."
    )
    params = ", ".join(f"`{name}`" for name in job.input) or "None"
    texts = (what, flow, _when(job), fails, f"{params}. The file `{filed.file.name}` is the truth.")
    parts = zip(HEADINGS, texts, strict=True)
    return "\n\n".join(f"## {heading}\n{text}" for heading, text in parts) + "\n"


def _when(job: Job) -> str:
    queue = f"Queue `{job.queue}`, at most {in_words(job.timeout)}. {_POLICIES[job.concurrency]}"
    return f"{schedule_in_words(job)}. {queue}"


def schedule_in_words(job: Job) -> str:
    """When it runs, without a full stop."""
    if job.cron is not None:
        return f"{cron_in_words(job.cron)} ({zone_of(job)})"
    if job.every is not None:
        return f"Every {in_words(job.every)}, counted from 1970-01-01 00:00 UTC"
    if job.run_at is not None:
        return f"Once, at {job.run_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"After {' and '.join(job.after)}" if job.after else "By hand"


def explained(filed: FiledJob) -> list[str]:
    """The job in lines, for a terminal."""
    job = filed.job
    lines = [f"{job.name} ({filed.file}:{filed.line})", job.description, _when(job), ""]
    for task_id, steps in tasks_of(job):
        lines.append(f"task {task_id}:")
        for name, step in steps:
            gives = f" as {step.result}" if step.result else ""
            limit = f", at most {in_words(step.timeout)}" if step.timeout else ""
            lines.append(f"  {name}: {kind_of(step)}{gives}{limit}; if it fails: {step.on_fail}")
    told = [f"{when}: {', '.join(map(str, each))}" for when, each in _outcomes(job) if each]
    return [*lines, "", f"An error that may pass is tried again {_retries(job)}.", *told]


def _outcomes(job: Job) -> list[tuple[str, Outcomes]]:
    return [("when it has succeeded", job.on_complete), ("when it has failed", job.on_fail)]


def _retries(job: Job) -> str:
    waits = f" after {', '.join(map(in_words, job.retry_delays))}" if job.retry_delays else ""
    return f"{job.retry}{waits}"
