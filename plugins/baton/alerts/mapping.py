"""A sender's form as a file: expressions in JMESPath say where a body has its alerts, labels, status and start.

Why JMESPath: it is a specification with a library that Airflow's Amazon provider brings; it reads and computes nothing
but the document, and what is not there is null.
Source: https://jmespath.org/specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError

from baton.alerts.mapping_functions import MappingFunctions
from baton.alerts.payloads import BodyError, Group, Post, read_alert, unreadable
from baton.data_file import problem_of
from baton.exceptions import PermanentError
from plain_yaml import UnreadableError, load

_OPTIONS = jmespath.Options(custom_functions=MappingFunctions())
_LINKS = {"url": "generatorURL", "silence_url": "silenceURL"}
_MOMENTS = {"starts_at": "startsAt", "ends_at": "endsAt"}


class MappingError(PermanentError):
    """A mapping cannot be used; the message names the place in it."""


class Expression:
    """One expression, compiled.

    :raises MappingError: it is none; what is wrong is in the message.
    """

    def __init__(self, text: str, where: str) -> None:
        self._where = where
        try:
            self._compiled = jmespath.compile(text)
        except (JMESPathError, RecursionError) as err:
            raise MappingError(f"{where}: {text[:200]!r} is no JMESPath: {str(err).splitlines()[0][:200]}") from err
        self._check_functions(self._compiled.parsed)

    def _check_functions(self, node: Any) -> None:
        """A function that there is not is found when the file is read, not when an alert comes."""
        waiting = [node]
        while waiting:
            part = waiting.pop()
            if part.get("type") == "function_expression" and part["value"] not in MappingFunctions.FUNCTION_TABLE:
                raise MappingError(f"{self._where}: there is no function {part['value']}")
            waiting += [child for child in part.get("children", ()) if isinstance(child, dict)]

    def of(self, scope: Any) -> Any:
        """Its value.

        :raises ValueError: a function got what it cannot take.
        """
        try:
            return self._compiled.search(scope, _OPTIONS)
        except JMESPathTypeError as err:  # its text quotes the value
            raise ValueError(f"{self._where}: {err.function_name}() cannot take {err.actual_type}") from err
        except (JMESPathError, RecursionError, TypeError, OverflowError) as err:
            raise ValueError(f"{self._where}: {type(err).__name__}") from err


@dataclass(frozen=True, slots=True)
class Status:
    """Which words say what.

    :param firing: empty: every other word says so.
    """

    value: Expression
    resolved: frozenset[str]
    silenced: frozenset[str]
    firing: frozenset[str]

    def of(self, scope: Any) -> str:
        """`firing`, `resolved`, `silenced`; empty for what is no alert."""
        word = _text(self.value.of(scope)).strip().lower()
        if word in self.resolved:
            return "resolved"
        if word in self.silenced:
            return "silenced"
        return "firing" if not self.firing or word in self.firing else ""


@dataclass(frozen=True, slots=True)
class SenderMapping:
    """How the bodies of one sender are read.

    :param name: the last word of its address.
    """

    name: str
    about: str
    headers: tuple[str, ...]
    fits: Expression | None
    quiet: Expression | None
    alerts: Expression | None
    labels: Mapping[str, Expression]
    labels_from: tuple[Expression, ...]
    annotations: Mapping[str, Expression]
    fields: Mapping[str, Expression]
    status: Status | None

    def recognises(self, document: Any) -> bool:
        """Whether a body is of this form; False for a mapping that does not say."""
        try:
            return self.fits is not None and bool(self.fits.of(document))
        except ValueError:  # a function that cannot take what stands there
            return False

    def read(self, document: Any, headers: Mapping[str, str]) -> Post:
        """Read a body.

        :raises BodyError: it is of another form.
        """
        given = {name: headers.get(name) for name in self.headers}
        if self.fits is not None and not self.recognises(document):
            raise BodyError(f"the body is none of {self.about or self.name}: see docs/alerts.md")
        try:
            if self.quiet is not None and self.quiet.of({"body": document, "headers": given}):
                return Post([])
            found = self.alerts.of(document) if self.alerts else document
        except ValueError as err:
            raise BodyError(f"the body cannot be read as one of {self.about or self.name}: {err}") from err
        if found is None:
            raise BodyError(f"the body is one of {self.about or self.name}, and has nothing where its alerts should be")
        entries = found if isinstance(found, list) else [found]
        received = [self._alert({"alert": entry, "body": document, "headers": given}) for entry in entries]
        return Post([alert for alert in received if alert is not None])

    def _alert(self, scope: dict[str, Any]) -> Any:
        try:
            status = self.status.of(scope) if self.status else "firing"
            if not status:
                return None
            entry = {
                "status": status,
                "labels": self._labels(scope),
                "annotations": dict(_texts(self.annotations, scope)),
                "fingerprint": _text(self._field("fingerprint", scope)),
                **{there: _text(self._field(here, scope)) for here, there in _LINKS.items()},
                **{there: self._field(here, scope) for here, there in _MOMENTS.items()},
            }
        except ValueError as err:
            return unreadable(scope["alert"], self.name, Group(), str(err))
        return read_alert(entry, self.name, Group())

    def _field(self, name: str, scope: dict[str, Any]) -> Any:
        return self.fields[name].of(scope) if name in self.fields else None

    def _labels(self, scope: dict[str, Any]) -> dict[str, str]:
        found: dict[str, str] = {}
        for expression in self.labels_from:
            part = expression.of(scope)
            if isinstance(part, Mapping):
                found |= {
                    str(name): _text(value) for name, value in part.items() if isinstance(value, str | int | float)
                }
        return {name: text for name, text in (found | dict(_texts(self.labels, scope))).items() if text}


def _texts(expressions: Mapping[str, Expression], scope: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, expression in expressions.items():
        if text := _text(expression.of(scope)):
            yield name, text


def _text(found: Any) -> str:
    if found is None:
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, list):
        return ", ".join(text for part in found if (text := _text(part)))
    return json.dumps(found, ensure_ascii=False, sort_keys=True) if isinstance(found, Mapping) else str(found)


def read_mapping(name: str, text: str) -> SenderMapping:
    """Read the text of a mapping.

    :raises MappingError: the first thing that is wrong with it, and where.
    """
    try:
        document = load(text)
    except UnreadableError as err:
        raise MappingError(f"it is no YAML that can be used: {err}") from err
    if problem := problem_of(document, schema()):
        raise MappingError(problem)
    single = {field: Expression(document[field], field) for field in ("fits", "quiet", "alerts") if field in document}
    fields = (*_LINKS, *_MOMENTS, "fingerprint")
    return SenderMapping(
        name=name,
        about=document.get("about", ""),
        headers=tuple(document.get("headers", ())),
        fits=single.get("fits"),
        quiet=single.get("quiet"),
        alerts=single.get("alerts"),
        labels=_expressions(document, "labels"),
        labels_from=tuple(
            Expression(part, f"labels_from.{index}") for index, part in enumerate(document.get("labels_from", ()))
        ),
        annotations=_expressions(document, "annotations"),
        fields={field: Expression(document[field], field) for field in fields if field in document},
        status=_status(document["status"]) if "status" in document else None,
    )


def _expressions(document: dict[str, Any], field: str) -> dict[str, Expression]:
    return {name: Expression(part, f"{field}.{name}") for name, part in document.get(field, {}).items()}


def _status(found: dict[str, Any]) -> Status:
    words = {part: frozenset(_text(word).lower() for word in found.get(part, ())) for part in Status.__slots__[1:]}
    return Status(Expression(found["value"], "status.value"), **words)


@cache
def schema() -> dict[str, Any]:
    """The JSON schema of the file."""
    found: dict[str, Any] = json.loads(files("baton.alerts").joinpath("mapping.schema.json").read_text("utf-8"))
    return found
