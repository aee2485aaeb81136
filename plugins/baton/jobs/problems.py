"""What pydantic says of a job, in a person's words and at its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from baton.jobs.model.job import Job
from baton.jobs.model.steps import KINDS

FieldPath = tuple[str | int, ...]
_WORDS = {
    "missing": "is missing",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be a mapping",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
}
_STEPS = "steps"


def problems_of(err: ValidationError, content: Any) -> Iterator[tuple[FieldPath, str]]:
    """Yield what is wrong: the path in the document, and words."""
    for problem in err.errors(include_url=False, include_context=True, include_input=True):
        path, model = _place(problem["loc"], content)
        kind = problem["type"]
        if kind == "extra_forbidden":
            yield path, f"is not known here{_nearest(str(path[-1]), _names(model))}"
        elif kind == "no_kind":
            yield path, f"has no kind: {_unknown_kind(problem['input'])}"
        elif kind == "model_type":
            yield path, "must be a mapping"
        else:
            yield path, _WORDS.get(kind) or _plain(problem["msg"])


def _place(location: FieldPath, content: Any) -> tuple[FieldPath, type[BaseModel]]:
    """Where in the document, and what stands there. Pydantic names a step's kind between its place and its fields."""
    if len(location) < 3 or location[0] != _STEPS or location[2] not in KINDS:
        return location, Job
    path, rest, model = location[:2], location[3:], KINDS[str(location[2])]
    if len(rest) >= 2 and rest[0] == "do" and rest[1] in KINDS:
        return (*path, "do", *rest[2:]), KINDS[str(rest[1])]
    return (*path, *rest), model


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f": do you mean {near[0]}?" if near else f"; known are {', '.join(sorted(known))}"


def _unknown_kind(step: Any) -> str:
    if not isinstance(step, dict):
        return f"a step is a mapping with one of {', '.join(KINDS)}"
    for key in step:
        if near := get_close_matches(str(key), KINDS, 1):
            return f"{str(key)[:60]} is not known: do you mean {near[0]}?"
    return f"a step has one of {', '.join(KINDS)}"


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")[:300]
