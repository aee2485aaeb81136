"""The short forms of job files, `30m`, `3 times with exponential_backoff`, `skip("…")`, `emit(Event)`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from baton.durations import DurationError, read_duration

LONGEST = timedelta(days=366)
_DURATION_PATTERN = r"^([0-9]+[smhd])+$"
_NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"
_JOB_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"
_RETRY = re.compile(r"([0-9]{1,3}) times?( with exponential_backoff)?")
_REACTION = re.compile(r'(abort|skip|continue)(?:\("([^"]*)"\))?')
_OUTCOME = re.compile(r"(emit|notify)\(([^()]+)\)")
_EVENT = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,99}")
_CHANNEL = re.compile(r"mail|slack:[#@]?[\w.-]{1,80}")
RESERVED = ("input", "run", "job", "item", "last_success")
"""Names that every expression knows already."""


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{str(value)[:40]!r} is no length of time such as 90s, 10m or 1h30m")
    try:
        found = read_duration(value, LONGEST)
    except DurationError as err:
        raise ValueError(str(err)) from err
    if not found:
        raise ValueError("a length of time is at least 1s")
    return found


def in_words(duration: timedelta) -> str:
    """The duration as a job file writes it: `1h30m`."""
    seconds, parts = int(duration.total_seconds()), []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts)


def _matching(pattern: str, what: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value[:80]!r} is no {what}")
        return value

    return check


def _not_reserved(value: str) -> str:
    if value in RESERVED:
        raise ValueError(f"{value!r} has a meaning of its own in expressions: choose another name")
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(in_words, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DURATION_PATTERN, "examples": ["30s", "10m", "1h30m"]}),
]
"""A length of time: `90s`, `10m`, `1h30m`, `7d`."""

JobName = Annotated[
    str,
    AfterValidator(_matching(_JOB_PATTERN, "name of a job: letters, digits, - and _, at most 100")),
    WithJsonSchema({"type": "string", "pattern": _JOB_PATTERN}),
]
"""The name of a job; also the id of its DAG."""

ResultName = Annotated[
    str,
    AfterValidator(_matching(_NAME_PATTERN, "name of a value: a letter, then letters, digits and _, at most 63")),
    AfterValidator(_not_reserved),
    WithJsonSchema({"type": "string", "pattern": _NAME_PATTERN}),
]
"""A name that expressions can use."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """What follows when a step fails or has nothing to do.

    :param kind: `abort`: the job fails. `skip`: the job ends here, well. `continue`: the next step runs.
    :param message: said in the log and on the page; may be empty.
    """

    kind: Literal["abort", "skip", "continue"]
    message: str = ""

    def __str__(self) -> str:
        """As a job file writes it."""
        return f'{self.kind}("{self.message}")' if self.message else self.kind


def _reaction(value: Any) -> Reaction:
    if isinstance(value, Reaction):
        return value
    found = _REACTION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f'{str(value)[:80]!r} is none of abort, skip, continue, or one of them with ("a message")')
    return Reaction(found[1], found[2] or "")  # type: ignore[arg-type]  # the pattern knows no other


Reacting = Annotated[
    Reaction,
    BeforeValidator(_reaction),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_REACTION.pattern}$", "examples": ["continue", 'skip("…")']}),
]
"""`abort`, `skip` or `continue`, alone or with a message: `abort("Sync failed")`."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a step is tried again after an error that may pass.

    :param times: further tries.
    :param backs_off: waits 100 ms before the first of them, then twice as long each time.
    """

    times: int = 0
    backs_off: bool = False

    def __str__(self) -> str:
        """As a job file writes it."""
        plural = "" if self.times == 1 else "s"
        return f"{self.times} time{plural}{' with exponential_backoff' if self.backs_off else ''}"


def _retry(value: Any) -> Retry:
    if isinstance(value, Retry):
        return value
    found = _RETRY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{str(value)[:80]!r} is neither `3 times` nor `3 times with exponential_backoff`")
    return Retry(int(found[1]), bool(found[2]))


Retrying = Annotated[
    Retry,
    BeforeValidator(_retry),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_RETRY.pattern}$", "examples": ["3 times"]}),
]
"""`3 times`, or `3 times with exponential_backoff`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is told when a job has ended.

    :param kind: `emit`: an event of the asset named `target`. `notify`: a notice to `mail` or to `slack:#channel`.
    """

    kind: Literal["emit", "notify"]
    target: str

    def __str__(self) -> str:
        """As a job file writes it."""
        return f"{self.kind}({self.target})"


def _outcomes(value: Any) -> tuple[Outcome, ...]:
    return tuple(_outcome(each) for each in (value if isinstance(value, list | tuple) else [value]))


def _outcome(value: Any) -> Outcome:
    if isinstance(value, Outcome):
        return value
    found = _OUTCOME.fullmatch(value) if isinstance(value, str) else None
    if found is None or not (_EVENT if found[1] == "emit" else _CHANNEL).fullmatch(found[2]):
        raise ValueError(f"{str(value)[:80]!r} is none of emit(Event), notify(mail), notify(slack:#channel)")
    return Outcome(found[1], found[2])  # type: ignore[arg-type]  # the pattern knows no other


_OUTCOME_SCHEMA = {"type": "string", "pattern": f"^{_OUTCOME.pattern}$", "examples": ["emit(JobCompleted)"]}
Outcomes = Annotated[
    tuple[Outcome, ...],
    BeforeValidator(_outcomes),
    PlainSerializer(lambda outcomes: [str(outcome) for outcome in outcomes], return_type=list),
    WithJsonSchema({"anyOf": [_OUTCOME_SCHEMA, {"type": "array", "items": _OUTCOME_SCHEMA}]}),
]
"""One or more of `emit(Event)`, `notify(mail)`, `notify(slack:#channel)`."""


def _asset_names(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list | tuple) else [value]
    for name in names:
        if not isinstance(name, str) or not _EVENT.fullmatch(name):
            raise ValueError(f"{str(name)[:80]!r} is no name of an event or asset")
    return tuple(names)


_NAME_SCHEMA = {"type": "string", "pattern": f"^{_EVENT.pattern}$"}
AssetNames = Annotated[
    tuple[str, ...],
    BeforeValidator(_asset_names),
    WithJsonSchema({"anyOf": [_NAME_SCHEMA, {"type": "array", "items": _NAME_SCHEMA}]}),
]
"""One or more names of events, which are Airflow's assets."""
