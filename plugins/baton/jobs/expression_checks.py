"""What a job's expressions, SQL and paths need is looked for when its file is read, not when it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from baton.jobs.expressions import has_expression, problem_in_expression, problems_in
from baton.jobs.model.job import Job
from baton.jobs.model.steps import (
    ActionStep,
    CallStep,
    DeliverStep,
    ForEachStep,
    FunctionStep,
    QueryStep,
    ReportStep,
    SendStep,
    WorkloadStep,
)
from baton.jobs.problems import FieldPath

BASE_NAMES = frozenset({"input", "run", "job", "last_success"})
"""What every expression knows: see `baton.jobs.run.names`."""
EXPRESSIONS: dict[type[Any], tuple[str, ...]] = {
    CallStep: ("path", "params", "body"),
    SendStep: ("to", "subject", "text", "attach"),
    FunctionStep: ("payload",),
    WorkloadStep: ("workload",),
    ReportStep: ("key",),
}
"""Kind of step → its fields that may hold expressions, beside the values of SQL."""
_PLACE = re.compile(r"\{([^{}]*)\}")
_NO_EXPRESSION = "holds an expression: a value never becomes part of {what}; {instead}"


def expression_problems(job: Job) -> Iterator[tuple[FieldPath, str]]:
    """Yield path and words of all that cannot work."""
    known = set(BASE_NAMES)
    reports: set[str] = set()
    for number, step in enumerate(job.steps):
        for path, words in _step_problems(step, frozenset(known)):
            yield ("steps", number, *path), words
        if isinstance(step, DeliverStep) and step.deliver not in reports:
            yield ("steps", number, "deliver"), "is the name (`as`) of no report step before it"
        if step.result:
            known.add(step.result)
            reports |= {step.result} if isinstance(step, ReportStep) else set()


def _step_problems(step: Any, known: frozenset[str]) -> Iterator[tuple[FieldPath, str]]:
    if isinstance(step, QueryStep | ActionStep):
        field = "query" if isinstance(step, QueryStep) else "action"
        yield from (((field,), words) for words in _sql_problems(getattr(step, field), step.values))
        yield from ((("with", *path), words) for path, words in problems_in(step.values, known))
    elif isinstance(step, CallStep):
        yield from ((("call",), words) for words in _path_problems(step))
    elif isinstance(step, SendStep) and (words := problem_in_expression(step.when, known)):
        yield ("when",), words
    elif isinstance(step, ForEachStep):
        if words := problem_in_expression(step.for_each, known):
            yield ("for_each",), words
        yield from ((("do", *path), words) for path, words in _step_problems(step.do, known | {"item"}))
    for name in EXPRESSIONS.get(type(step), ()):
        yield from (((name, *path), words) for path, words in problems_in(getattr(step, name), known))


def _sql_problems(sql: str, values: dict[str, Any]) -> Iterator[str]:
    if has_expression(sql):
        yield _NO_EXPRESSION.format(what="SQL", instead="write :name, and give the value under `with`")
        return
    wanted = sql_names(sql)
    if missing := sorted(wanted - set(values)):
        yield f":{missing[0]} has no value: give it under `with`"
    if unused := sorted(set(values) - wanted):
        yield f"`with` has {unused[0]}, and no :{unused[0]} stands in the SQL"


def sql_names(sql: str) -> set[str]:
    """The names of the bound parameters in SQL."""
    from sqlalchemy import text

    return set(text(sql).compile().params)


def _path_problems(step: CallStep) -> Iterator[str]:
    if has_expression(step.call):
        yield _NO_EXPRESSION.format(what="the path", instead="write {name}, and give the value under `path`")
        return
    wanted = set(_PLACE.findall(step.call))
    if missing := sorted(wanted - set(step.path)):
        yield f"{{{missing[0]}}} has no value: give it under `path`"
    if unused := sorted(set(step.path) - wanted):
        yield f"`path` has {unused[0]}, and no {{{unused[0]}}} stands in the path"
