"""Repair in a manifest's text what Kubernetes would refuse and what can be repaired without a guess.

The text is changed where a field stands, so that comments, order and everything else stay as they were written.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from baton.cronjobs.importing.fidelity import SERVERS_OWN
from baton.cronjobs.importing.text_edits import Edit, Pair, applied, deleted, inserted, pair_at, replaced
from baton.cronjobs.manifests.scalars import Loader
from baton.cronjobs.manifests.yaml_documents import Document, Path, document_parts, read_documents, written
from kubernetes_values import CHOICES, MAX_CRONJOB_NAME_LENGTH, SUBDOMAIN, message

_SERVED, _ROOT = "batch/v1", "batch.CronJob"
_POD: Path = ("spec", "jobTemplate", "spec", "template", "spec")
_TEMPLATE_LABELS: Path = ("spec", "jobTemplate", "spec", "template", "metadata", "labels")
_OF_THE_JOB = ("job-name", "controller-uid", "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid")
_APPLIED: Path = ("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
_REMOVED: tuple[Path, ...] = (
    *sorted(SERVERS_OWN),
    _APPLIED,
    ("spec", "jobTemplate", "metadata", "creationTimestamp"),
    (*_POD[:-1], "metadata", "creationTimestamp"),
    ("spec", "jobTemplate", "spec", "selector"),
    ("spec", "jobTemplate", "spec", "manualSelector"),
    *((*_TEMPLATE_LABELS, label) for label in _OF_THE_JOB),
)
"""What the server, or each Job, writes itself."""
_UNQUOTED = re.compile(
    r"^(?P<begin>[ \t]*(?:- )?schedule:[ \t]+)(?P<value>[@*][^\r\n\"'#]*?)(?P<end>[ \t]*(?:#.*)?)$", re.M
)
_WHOLE = re.compile(r"[-+]?[0-9]+")
_MAX_PASSES = 5
_HASH_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing that was repaired.

    :param line: in the text that was repaired, counted from 1.
    """

    line: int
    path: str
    what: str

    def __str__(self) -> str:
        """As in the report."""
        return f"line {self.line}: {self.path}: {self.what}"


def repaired(text: str, values: Mapping[str, str]) -> tuple[str, list[Repair]]:
    """A text with what can be repaired in it, and what was.

    :param values: what to fill in for `${NAME}`, `<NAME>`, `{{ NAME }}` and the like, by name.
    """
    text, repairs = _filled(text, values)
    for match in _UNQUOTED.finditer(text):
        repairs.append(Repair(text.count("\n", 0, match.start()) + 1, "spec.schedule", "put in quotes"))
    text = _UNQUOTED.sub(
        lambda match: f"{match['begin']}{json.dumps(match['value'], ensure_ascii=False)}{match['end']}", text
    )
    for _ in range(_MAX_PASSES):  # a field that has its right name then has a value to look at
        changed, found = _pass(text)
        repairs += found
        if changed == text:
            break
        text = changed
    return text, repairs


def _filled(text: str, values: Mapping[str, str]) -> tuple[str, list[Repair]]:
    repairs = []
    for name, value in values.items():
        plain = re.escape(name)
        pattern = re.compile(
            rf"\$\{{\{{?\s*{plain}\s*\}}?\}}|\{{\{{-?\s*(?:\.Values\.)?{plain}\s*-?\}}\}}|<{plain}>|__{plain}__|%{plain}%"
            rf"|@{plain}@|#\{{{plain}\}}#?|\${plain}\b"
        )
        if places := list(pattern.finditer(text)):
            line = text.count("\n", 0, places[0].start()) + 1
            repairs.append(
                Repair(line, name, f"filled in with {value!r} at {len(places)} place{'s' * (len(places) > 1)}")
            )
            text = pattern.sub(value.replace("\\", "\\\\"), text)
    return text, repairs


def _pass(text: str) -> tuple[str, list[Repair]]:
    """Repair each document once. JSON stays as it is: programs write it, and write it anew."""
    pieces, repairs, end = [], [], 0
    for line, begin, stop in document_parts(text):
        part = text[begin:stop]
        edits = []
        for document in read_documents(part):
            if isinstance(document, Document) and document.source == part and not part.lstrip().startswith("{"):
                found = [
                    each
                    for path, content in _cronjobs(document.content, ())
                    for each in _repairs(document, path, content)
                ]
                repairs += [Repair(line + edit_line, written(path), what) for path, what, edit_line, _ in found]
                edits += [edit for *_, edit in found]
        pieces += [text[end:begin], applied(part, edits)]
        end = stop
    return "".join([*pieces, text[end:]]), repairs


def _cronjobs(content: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    if not isinstance(content, dict):
        return
    if str(content.get("kind", "")).lower() in ("cronjob", "cronjobs"):
        yield path, content
    for position, item in enumerate(content.get("items") or [] if isinstance(content.get("items"), list) else []):
        yield from _cronjobs(item, (*path, "items", position))


_Found = tuple[Path, str, int, Edit]


def _repairs(document: Document, base: Path, content: dict[str, Any]) -> Iterator[_Found]:
    """Each repair of one CronJob: its field, what is done, the line in the document, and the edit."""
    root = document.node

    def found(path: Path, what: str, edit: Edit | None) -> Iterator[_Found]:
        if edit is not None:
            yield (*base, *path), what, document.source.count("\n", 0, edit.begin) + 1, edit

    def pair(path: Path) -> Pair | None:
        return pair_at(root, (*base, *path), Loader)

    version, kind = content.get("apiVersion"), content["kind"]
    if kind != "CronJob":
        yield from found(("kind",), "CronJob, as Kubernetes writes it", replaced(pair(("kind",)), "CronJob"))
    if version is None:
        yield from found(
            ("apiVersion",), f"{_SERVED} added", inserted(document.source, pair(("kind",)), "apiVersion", _SERVED)
        )
    elif version != _SERVED and str(version).startswith("batch/"):
        yield from found(("apiVersion",), f"{_SERVED} instead of {version}", replaced(pair(("apiVersion",)), _SERVED))
    for path in _REMOVED:
        if pair(path) is not None:
            yield from found(path, "removed, the server's own", deleted(document.source, pair(path)))
    name = (content.get("metadata") or {}).get("name") if isinstance(content.get("metadata"), dict) else None
    if isinstance(name, str) and (better := _name(name)) != name:
        yield from found(
            ("metadata", "name"), f"{better} instead of {name}", replaced(pair(("metadata", "name")), better)
        )
    yield from _policy(document, base, content)
    for path, what, new_key, new_value in _fields(_ROOT, content, ()):
        if new_key is not None:
            yield from found(path, what, _key_edit(pair(path), new_key))
        else:
            yield from found(path, what, _value_edit(root, (*base, *path), new_value))


def _policy(document: Document, base: Path, content: dict[str, Any]) -> Iterator[_Found]:
    """A restartPolicy, which a Job has to have: what `kubectl create cronjob` writes."""
    pod: Any = content
    for part in _POD:
        pod = pod.get(part) if isinstance(pod, dict) else None
    if not isinstance(pod, dict) or not pod or any(str(key).lower() == "restartpolicy" for key in pod):
        return
    failure = ((content["spec"]["jobTemplate"] or {}).get("spec") or {}).get("podFailurePolicy")
    value = "Never" if failure is not None else "OnFailure"
    why = "which a podFailurePolicy needs" if failure is not None else "as `kubectl create cronjob` writes it"
    first = pair_at(document.node, (*base, *_POD, next(iter(pod))), Loader)
    edit = inserted(document.source, first, "restartPolicy", value)
    if edit is not None:
        yield (
            (*base, *_POD, "restartPolicy"),
            f"{value} added, {why}",
            document.source.count("\n", 0, edit.begin) + 1,
            edit,
        )


def _name(name: str) -> str:
    """A name that Kubernetes takes: lower case, hyphens; too long a one ends with a hash of all of it."""
    better = re.sub(r"[_\s]+", "-", name.lower())
    if not SUBDOMAIN.fits(better):
        return name
    if len(better) <= MAX_CRONJOB_NAME_LENGTH:
        return better
    ending = hashlib.sha256(name.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{better[: MAX_CRONJOB_NAME_LENGTH - _HASH_LENGTH - 1].rstrip('-.')}-{ending}"


_Change = tuple[Path, str, str | None, str | None]
"""A field, what is done, a new name of it, or a new value as it is written in YAML; None for the text in quotes."""


def _fields(kind: str, value: dict[str, Any], path: Path) -> Iterator[_Change]:
    """What differs from Kubernetes' words by upper and lower case only, and values that need quotes, or none."""
    known = message(kind).fields
    by_case = {name.lower(): name for name in known}
    for name, inner in value.items():
        field = known.get(name)
        right = by_case.get(name.lower())
        if field is None:
            if right is not None and right not in value:
                yield (*path, name), f"written {right}", right, None
        elif field.is_message or field.shape:
            yield from _inside(field, field.shape, inner, (*path, name))
        elif (change := _scalar(name, field.base, field.go, inner)) is not None:
            yield (*path, name), change[0], None, change[1]


def _inside(field: Any, shape: str, value: Any, path: Path) -> Iterator[_Change]:
    if shape:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            yield from _inside(field, shape[2:], item, (*path, key))
    elif field.is_message and isinstance(value, dict):
        yield from _fields(field.base, value, path)
    elif not field.is_message and (change := _scalar("", field.base, field.go, value)) is not None:
        yield path, change[0], None, change[1]


def _scalar(name: str, base: str, go: str, value: Any) -> tuple[str, str | None] | None:
    """What to write instead of a value, and why; None where it is right, or nobody can tell."""
    words = ("OnFailure", "Never") if name == "restartPolicy" else CHOICES.get(go, ())
    if base == "string" and isinstance(value, bool | int | float):
        return "put in quotes: a text", None
    if isinstance(value, str) and value not in words:
        alike = [word for word in words if word.lower() == value.lower()]
        if alike:
            return f"written {alike[0]}", alike[0]
    if base in ("int32", "int64") and isinstance(value, str) and _WHOLE.fullmatch(value):
        return "without quotes: a number", str(int(value))
    if base == "bool" and isinstance(value, str) and value.lower() in ("true", "false"):
        return "without quotes: true or false", value.lower()
    return None


def _key_edit(pair: Pair | None, name: str) -> Edit | None:
    return None if pair is None else Edit(pair[0].start_mark.index, pair[0].end_mark.index, name)


def _value_edit(root: yaml.Node | None, path: Path, value: str | None) -> Edit | None:
    found = pair_at(root, path, Loader)
    if found is None or not isinstance(found[1], yaml.ScalarNode):
        return None
    return replaced(found, json.dumps(found[1].value, ensure_ascii=False) if value is None else value)
