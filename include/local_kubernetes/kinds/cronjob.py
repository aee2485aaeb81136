"""CronJobs: defaults, what kube-apiserver refuses and in which words, the table of ``kubectl get cronjobs``."""

from __future__ import annotations

from typing import Any

from kubernetes_cron import ScheduleError, TimeZoneError, load_zone, parse
from kubernetes_values import CHOICES, MAX_CRONJOB_NAME_LENGTH
from local_kubernetes.errors import Cause
from local_kubernetes.resources import Column, Kind
from local_kubernetes.selector_parsing import selector_text

from .columns import age, name, since, template_columns
from .job import check_not_negative, check_spec, complete_spec, go_text
from .pod_check import not_supported, required
from .pod_template import complete_template

Object = dict[str, Any]
_POLICIES = CHOICES["v1.ConcurrencyPolicy"]


def _complete(obj: Object) -> Object:
    spec = {
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
        **{name: value for name, value in (obj.get("spec") or {}).items() if value is not None},
    }
    template = spec.get("jobTemplate") or {}
    job = template.get("spec") or {}
    spec["jobTemplate"] = {
        **template,
        "metadata": template.get("metadata") or {},
        "spec": {**job, "template": complete_template(job.get("template"))},
    }
    return {**obj, "spec": spec, "status": {}}


def _check(obj: Object) -> list[Cause]:
    spec, given = obj["spec"], obj["metadata"]["name"]
    causes = [
        *_check_schedule(spec.get("schedule") or ""),
        *check_not_negative(spec.get("startingDeadlineSeconds"), "spec.startingDeadlineSeconds"),
        *_check_zone(spec.get("timeZone")),
    ]
    if spec["concurrencyPolicy"] not in _POLICIES:
        causes.append(not_supported("spec.concurrencyPolicy", spec["concurrencyPolicy"], _POLICIES))
    causes += _check_job(spec["jobTemplate"]["spec"], "spec.jobTemplate.spec")
    for limit in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        causes += check_not_negative(spec[limit], f"spec.{limit}")
    if len(given) > MAX_CRONJOB_NAME_LENGTH:
        causes.append(_invalid("metadata.name", given, f"must be no more than {MAX_CRONJOB_NAME_LENGTH} characters"))
    return causes


def _invalid(field: str, value: Any, why: str) -> Cause:
    return Cause(field, "FieldValueInvalid", f"Invalid value: {go_text(value)}: {why}")


def _check_schedule(schedule: str) -> list[Cause]:
    if not schedule:
        return [required("spec.schedule")]
    try:
        parse(schedule)
    except ScheduleError as err:
        return [_invalid("spec.schedule", schedule, str(err))]
    return []


def _check_zone(name: str | None) -> list[Cause]:
    if name is None:
        return []
    try:
        load_zone(name)
    except TimeZoneError as err:
        return [_invalid("spec.timeZone", name, str(err))]
    return []


def _check_job(spec: Object, field: str) -> list[Cause]:
    completed = complete_spec(spec)
    if spec.get("completions") is None:  # only a Job gets this default, and an Indexed one has to say it here
        completed.pop("completions", None)
    causes = check_spec(completed, field)
    if "selector" in spec:
        causes.insert(0, _invalid(f"{field}.selector", spec["selector"], "`selector` will be auto-generated"))
    return causes


def _last_schedule(obj: Object) -> str:
    last = (obj.get("status") or {}).get("lastScheduleTime")
    return since(last) if last else "<none>"


def _job_spec(obj: Object) -> Object:
    spec: Object = obj["spec"]["jobTemplate"]["spec"]
    return spec


CRON_JOB = Kind(
    plural="cronjobs",
    kind="CronJob",
    singular="cronjob",
    group="batch",
    short_names=("cj",),
    categories=("all",),
    subresources=("status",),
    columns=(
        name(),
        Column("Schedule", lambda obj: obj["spec"]["schedule"]),
        Column("Timezone", lambda obj: obj["spec"].get("timeZone") or "<none>"),
        Column("Suspend", lambda obj: str(bool(obj["spec"].get("suspend"))), "boolean"),
        Column("Active", lambda obj: len((obj.get("status") or {}).get("active") or []), "integer"),
        Column("Last Schedule", _last_schedule),
        Column("Age", age),
        *template_columns(lambda obj: _job_spec(obj)["template"]["spec"]),
        Column("Selector", lambda obj: selector_text(_job_spec(obj).get("selector") or {}) or "<none>", priority=1),
    ),
    counts_generations=True,
    complete=_complete,
    check=_check,
)
