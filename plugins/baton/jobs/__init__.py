"""Jobs in one file: background work that needs no Python and no knowledge of Airflow.

The inner interface, for pages, the HTTP API and the command line. Everything else in this package is its own affair.

**A job** is `baton.jobs.model.job.Job` (pydantic, frozen; its JSON schema is published in `include/jobs`). One YAML
document is one job; its name is the DAG's id. `Job.input_schema()` is the JSON schema of what a run by hand may pass;
`Job.step_names()` the names of its steps, in order.

**Reading**: `baton.jobs.reading.read_jobs(paths) -> JobsRead(jobs: name → FiledJob, problems)`. It never raises for
what a file says. A `Problem` has file, line, field and words. One bad document costs one job.

**DAGs**: `job_dags(*folders)` and `report_refused(*folders)`, two DAG files in `dags/jobs`. Each job is one DAG, tagged
`job` and `queue/NAME`; `dags.timetable_of(job)` is its schedule. Consecutive steps that need no pod are one task
(`run_steps`); each step that starts something elsewhere and waits for it (function, workload, job, report) is a task of
its own, named as the step. What a page or a route needs to know of a job stands in the stored DAG, as JSON in the
`doc_json` of its tasks: `dags.note_of(filed)` → `{"job": fields without steps, "steps": [name, …], "file", "line"}`.

**Executions** are DAG runs; nothing of Baton's own counts them. What each step did is a `run.memory.StepRecord` in
Airflow's task state store of the task that ran it, key `step.NAME`: state (`running`, `done`, `ended_job`,
`passed_over`, `failed`), attempts, failures, started_at, ended_at, message, and a reference to what it gave. Data is
never in it. To go on with the failed step: clear the failed tasks; the records say where. To run the whole anew under
the same id: delete the tasks' state first, then clear all.

**Queues**: the Airflow field `queue` of each task is `critical`, `default` or `low` (`baton.queues.Queue`); what says
nothing is in `default`. How the shares are kept: `baton.queues`, docs/jobs.md.
"""

from typing import TYPE_CHECKING

from baton.lazy_names import lazy_names

if TYPE_CHECKING:
    from baton.jobs.dags import job_dags as job_dags
    from baton.jobs.dags import report_refused as report_refused
    from baton.jobs.timetable import EveryTimetable as EveryTimetable
    from baton.jobs.timetable import OnceTimetable as OnceTimetable

_MODULES = {
    "EveryTimetable": "timetable",
    "OnceTimetable": "timetable",
    "job_dags": "dags",
    "report_refused": "dags",
}
__all__ = sorted(_MODULES)

__getattr__ = lazy_names(__name__, _MODULES)
