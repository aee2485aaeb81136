"""Check a CronJob: fields that Kubernetes does not know, values of a wrong type, and what it would refuse.

Why before Kubernetes does: it sees the manifest's `jobTemplate` for the first time when a run starts.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/cron-job-v1/
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from baton.cronjobs.fields import container as fields_container
from baton.cronjobs.fields import job as fields_job
from baton.cronjobs.fields import pod as fields_pod
from baton.cronjobs.fields import scheduling as fields_scheduling
from baton.cronjobs.fields import template as fields_template
from baton.cronjobs.fields import together as fields_together
from baton.cronjobs.fields import variables as fields_variables
from baton.cronjobs.fields import volume as fields_volume
from baton.cronjobs.fields.values import Finding, unknown_value
from baton.cronjobs.manifests.unfilled import not_filled_in, unfilled_places
from baton.cronjobs.manifests.yaml_documents import Path
from kubernetes_cron import ScheduleError, TimeZoneError, load_zone, parse
from kubernetes_values import LABEL, MAX_CRONJOB_NAME_LENGTH, SUBDOMAIN, Field, canonical, message, parse_time

Object = dict[str, Any]
SERVED = "batch/v1"
STILL_READ = "batch/v1beta1"
"""Same fields; Kubernetes 1.25 and later serve batch/v1 only, and Jobs are made as batch/v1 in any case."""
_ROOT = "batch.CronJob"
_DIGITS_OF_MINUTES = 8
"""Of the tick that stands in a Job's name; until the year 2160."""
_MODULES = (
    fields_container, fields_variables, fields_volume, fields_scheduling, fields_pod, fields_together, fields_template,
    fields_job,
)  # fmt: skip
_RULES = {
    kind: tuple(module.RULES[kind] for module in _MODULES if kind in module.RULES)
    for kind in {kind for module in _MODULES for kind in module.RULES}
}


def check(content: Object) -> list[Finding]:
    """Everything that is wrong with a CronJob, in the order in which it is written."""
    findings = list(_message(_ROOT, content, ()))
    wrong = {path for path, _ in findings}
    not_well_formed = {path[:length] for path in wrong for length in range(len(path) + 1)}
    for path, why in (*_parts(_ROOT, "", content, (), not_well_formed), *_rules(content)):
        if path not in wrong:
            wrong.add(path)
            findings.append((path, why))
    return [(path, _not_filled_in(content, path) or why) for path, why in findings]


def doubts(content: Object) -> list[Finding]:
    """What Kubernetes takes as it stands although somebody was to fill it in: `image: app:{{VERSION}}`."""
    return list(unfilled_places({key: content.get(key) for key in ("metadata", "spec")}))


def _not_filled_in(content: Object, path: Path) -> str | None:
    """Why a value, or a key, is wrong, if it is one that was to be filled in."""
    value: Any = content
    for part in path:
        inner = value.get(part) if isinstance(value, dict) else None
        value = value[part] if isinstance(value, list) and isinstance(part, int) and part < len(value) else inner
    texts = [text for text in (value, path[-1] if path else None) if isinstance(text, str)]
    return next((why for text in texts if (why := not_filled_in(text))), None)


def _parts(kind: str, shape: str, value: Any, path: Path, not_well_formed: set[Path]) -> Iterator[Finding]:
    """Apply the rules of every part whose fields are well-formed; inner parts first."""
    if shape and isinstance(value, list | dict):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            inner = {} if item is None and len(shape) == 2 else item  # null in a list is a part with nothing in it
            yield from _parts(kind, shape[2:], inner, (*path, key), not_well_formed)
    elif not shape and isinstance(value, dict):
        known = message(kind).fields
        for name, inner in value.items():
            if name in known and known[name].is_message:
                yield from _parts(known[name].base, known[name].shape, inner, (*path, name), not_well_formed)
        if kind in _RULES and path not in not_well_formed:
            for rule in _RULES[kind]:
                yield from (((*path, *where), why) for where, why in rule(value))


def _message(kind: str, value: Object, path: Path) -> Iterator[Finding]:
    known = message(kind).fields
    for name, inner in value.items():
        field = known.get(name)
        if field is None:
            yield (*path, name), f"unknown field{_did_you_mean(name, known)}"
        elif inner is not None:
            yield from _shaped(field, field.shape, inner, (*path, name))


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _shaped(field: Field, shape: str, value: Any, path: Path) -> Iterator[Finding]:
    if shape.startswith("[]"):
        if not isinstance(value, list):
            yield path, f"must be a list, is {_described(value)}"
            return
        for position, item in enumerate(value):
            yield from _shaped(field, shape[2:], item, (*path, position))
    elif shape.startswith("{}"):
        if not isinstance(value, dict):
            yield path, f"must be a mapping, is {_described(value)}"
            return
        for key, item in value.items():
            yield from _shaped(field, shape[2:], item, (*path, key))
    elif value is None:
        return  # in a list or mapping: as if nothing were in it
    elif field.is_message:
        if isinstance(value, dict):
            yield from _message(field.base, value, path)
        else:
            yield path, f"must be a mapping, is {_described(value)}"
    elif (wanted := _wanted(field.base, value)) is not None:
        yield path, f"must be {wanted}, is {_described(value)}"
    elif (unknown := unknown_value(field.go, value)) is not None:
        yield path, unknown


def _wanted(kind: str, value: Any) -> str | None:
    """What a scalar must be, when it is not."""
    words, is_right = _SCALARS.get(kind, ("", _anything))
    if is_right(value):
        return None
    quoting = kind == "string" and isinstance(value, bool | int | float)
    return f"{words} (put it in quotes)" if quoting else words


def _anything(value: Any) -> bool:
    return True


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


_is_int32, _is_int64 = _whole(-(2**31), 2**31 - 1), _whole(-(2**63), 2**63 - 1)


def _text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _quantity(value: Any) -> bool:
    return value is None or (not isinstance(value, bool) and canonical(str(value)) is not None)


def _time(value: Any) -> bool:
    return value is None or (isinstance(value, str) and parse_time(value) is not None)


_SCALARS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("a text", _text),
    "bytes": ("a text", _text),
    "Time": ("a time such as 2026-01-31T12:00:00Z", _time),
    "MicroTime": ("a time such as 2026-01-31T12:00:00Z", _time),
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "int32": ("a whole number of 32 bits", _is_int32),
    "int64": ("a whole number", _is_int64),
    "uint32": ("a whole number of 32 bits", _whole(0, 2**32 - 1)),
    "IntOrString": ("a whole number or a text", lambda value: _is_int32(value) or isinstance(value, str)),
    "Quantity": ("a quantity such as 500m or 2Gi", _quantity),
}


def _described(value: Any) -> str:
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    words: dict[type, str] = {list: "a list", dict: "a mapping", type(None): "empty"}
    return words.get(type(value), f"{value!r}")


def _rules(content: Object) -> Iterator[Finding]:
    version = content.get("apiVersion")
    if version not in (SERVED, STILL_READ):
        yield ("apiVersion",), f"must be {SERVED}, is {version!r}" if version else f"is missing: write {SERVED}"
    yield from _metadata_rules(_mapping(content.get("metadata")))
    spec = content.get("spec")
    if not isinstance(spec, dict):
        yield ("spec",), "is missing"
        return
    yield from _schedule_rules(spec)
    yield from _template_rules(_mapping(spec.get("jobTemplate")))
    yield from _indexed_rules(_mapping(content.get("metadata")).get("name"), _mapping(spec.get("jobTemplate")))


def _metadata_rules(metadata: Object) -> Iterator[Finding]:
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not name:
        hint = "a CronJob needs a name of its own here, generateName gives each copy another" * (
            "generateName" in metadata
        )
        yield ("metadata", "name"), f"is missing{': ' * bool(hint)}{hint}"
    elif isinstance(name, str) and not SUBDOMAIN.fits(name):
        yield ("metadata", "name"), f"{name!r} is no name: lower case letters, digits, '-' and '.'"
    elif isinstance(name, str) and len(name) > MAX_CRONJOB_NAME_LENGTH:
        yield ("metadata", "name"), f"must be no more than {MAX_CRONJOB_NAME_LENGTH} characters, has {len(name)}"
    if isinstance(namespace, str) and namespace and not LABEL.fits(namespace):
        yield ("metadata", "namespace"), f"{namespace!r} is no namespace: lower case letters, digits and '-'"


def _schedule_rules(spec: Object) -> Iterator[Finding]:
    schedule, zone = spec.get("schedule"), spec.get("timeZone")
    if not schedule:
        yield ("spec", "schedule"), "is missing"
    elif isinstance(schedule, str):
        try:
            parse(schedule)
        except ScheduleError as err:
            yield ("spec", "schedule"), f"{schedule!r}: {err}"
    if isinstance(zone, str):
        try:
            load_zone(zone)
        except TimeZoneError as err:
            yield ("spec", "timeZone"), str(err)


def _indexed_rules(name: Any, template: Object) -> Iterator[Finding]:
    """The host name of each pod of an Indexed Job is the Job's name and the index, and no longer than a label."""
    job = _mapping(template.get("spec"))
    last = (job.get("completions") or 0) - 1 if _is_int32(job.get("completions")) else -1
    if job.get("completionMode") != "Indexed" or last < 0 or not isinstance(name, str) or not SUBDOMAIN.fits(name):
        return
    host = f"{name}-{'0' * _DIGITS_OF_MINUTES}-{last}"
    if not LABEL.fits(host):
        why = "must have no dots" if "." in name else f"must be {len(host) - LABEL.longest} characters shorter"
        yield ("metadata", "name"), f"{why}: pods of an Indexed Job are hosts of its name and their index"


def _template_rules(template: Object) -> Iterator[Finding]:
    path: Path = ("spec", "jobTemplate")
    job = template.get("spec")
    if not isinstance(job, dict):
        yield (*path, "spec"), "is missing"
        return
    if job.get("selector") is not None:
        yield (*path, "spec", "selector"), "must not be set: Kubernetes makes one for each Job"
    if job.get("completionMode") == "Indexed" and job.get("completions") is None:
        yield (*path, "spec", "completions"), "is missing: an Indexed Job needs it"
    pod_path: Path = (*path, "spec", "template", "spec")
    pod = _mapping(job.get("template")).get("spec")
    if not isinstance(pod, dict):
        yield pod_path, "is missing"
        return
    if pod.get("restartPolicy") not in ("OnFailure", "Never"):
        given = pod.get("restartPolicy")
        is_now = f"is {given!r}" if given else "is missing, which means Always"
        yield (*pod_path, "restartPolicy"), f"must be OnFailure or Never, {is_now}"
    if not pod.get("containers"):
        yield (*pod_path, "containers"), "is missing"


def _mapping(value: Any) -> Object:
    return value if isinstance(value, dict) else {}
