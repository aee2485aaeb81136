"""The page of the public Python names, read from the sources, so that each version of Python gives the same page."""

from __future__ import annotations

import ast
import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PUBLIC: dict[str, dict[str, list[str]]] = {
    "Operators": {
        "baton.workloads.operator": ["WorkloadOperator"],
        "baton.cronjobs.operator": ["JobOperator"],
        "baton.cronjobs.job_template_operator": ["JobTemplateOperator"],
        "baton.functions.operator": ["InvokeFunctionOperator"],
        "baton.functions.batch_operator": ["InvokeFunctionBatchOperator"],
        "baton.incidents.diagnostics_operator": ["CollectDiagnosticsOperator"],
        "baton.incidents.heal_operator": ["FindUnhealthyOperator", "RestartWorkloadOperator", "AskToRestartOperator"],
        "baton.reports.operator": ["DeliverReportOperator"],
        "baton.workloads.clean_up_cluster_operator": ["CleanUpClusterOperator"],
    },
    "Hooks": {"baton.functions.hook": ["FunctionHook"]},
    "Notifiers": {
        "baton.notifications.failure": ["FailureNotifier"],
        "baton.notifications.question": ["QuestionNotifier"],
    },
    "Schedules": {
        "baton.cronjobs.timetable": ["CronJobTimetable"],
        "baton.reports.market_close_timetable": ["MarketCloseTimetable"],
        "baton.schedules.run_keys": ["run_key", "run_moment", "hours_since_workday"],
    },
    "CronJobs as DAGs": {"baton.cronjobs.dags": ["cronjob_dags"]},
    "What DAG files share": {"baton.defaults": ["default_args"], "baton.settings": ["settings", "SettingsError"]},
    "Errors": {"baton.exceptions": ["BatonError", "PermanentError", "TransientError", "InDoubtError"]},
    "Fixtures of the local Kubernetes": {
        "local_kubernetes.testing": ["LocalKubernetes", "Namespace", "local_kubernetes", "slow_kubernetes"]
    },
}
"""Kind → module → names. What stands here is public: see docs/releasing.md for what that promises."""

_TITLE = """\
# Python

Made from the docstrings by `./baton python docs/site/make_reference.py`; edit those, not this file.

These names are public: [what that promises](../releasing.md#what-is-public). Whatever else can be imported may change
in any release. *(templated)* means that Airflow renders Jinja templates in the argument.
"""


def page() -> str:
    """The whole page.

    :raises SystemExit: a public name is gone.
    """
    parts = [_TITLE]
    for kind, modules in PUBLIC.items():
        parts.append(f"\n## {kind}")
        parts += [_part(module, name) for module, names in modules.items() for name in names]
    return "\n".join(parts) + "\n"


def source_of(module: str) -> Path:
    """The file of a module.

    :raises SystemExit: there is none.
    """
    for root in ("plugins", "include"):
        file = PROJECT / root / (module.replace(".", "/") + ".py")
        if file.is_file():
            return file
    raise SystemExit(f"there is no module {module}: it is public, see docs/releasing.md")


def _part(module: str, name: str) -> str:
    tree = ast.parse(source_of(module).read_text(encoding="utf-8"))
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = next((node for node in tree.body if isinstance(node, kinds) and node.name == name), None)
    if found is None:
        raise SystemExit(f"{module} has no {name}: it is public, see docs/releasing.md")
    lines = ["", f"### {name}", "", f"`from {module} import {name}`", "", _prose(ast.get_docstring(found) or "")]
    if isinstance(found, ast.ClassDef):
        bases = ", ".join(f"`{ast.unparse(base)}`" for base in found.bases)
        lines[3] += f" · a {bases}" if bases else ""
        made = next(
            (node for node in found.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"), None
        )
        lines += ["", *_signature(name, made)] if made else []
    elif not found.decorator_list:
        lines += ["", *_signature(name, found)]
    return "\n".join(lines)


def _signature(name: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    given = function.args
    plain = [argument for argument in [*given.posonlyargs, *given.args] if argument.arg != "self"]
    defaults = [*[None] * (len(plain) - len(given.defaults)), *given.defaults]
    words = [_argument(argument, default) for argument, default in zip(plain, defaults, strict=True)]
    words += ["*"] if given.kwonlyargs and not given.vararg else []
    words += [f"*{given.vararg.arg}"] if given.vararg else []
    words += [
        _argument(argument, default) for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    words += [f"**{given.kwarg.arg}"] if given.kwarg else []
    if sum(map(len, words)) < 80:
        return ["```python", f"{name}({', '.join(words)})", "```"]
    return ["```python", f"{name}(", *(f"    {word}," for word in words), ")", "```"]


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    kind = f": {ast.unparse(argument.annotation)}" if argument.annotation else ""
    return f"{argument.arg}{kind}" + (f" = {ast.unparse(default)}" if default is not None else "")


def _prose(docstring: str) -> str:
    """A docstring with its fields as a list."""
    lines = []
    in_fields = False
    for line in docstring.splitlines():
        field = re.match(r" *:(param|returns|raises)\s*([\w., ]*):\s*(.*)", line)
        if field:
            what, name, text = field.groups()
            lines += [""] if not in_fields else []
            label = {"param": f"`{name}`", "returns": "**returns**", "raises": f"**raises** `{name}`"}[what]
            lines.append(f"- {label}: {text}")
            in_fields = True
        else:
            lines.append(f"  {line.strip()}" if in_fields and line.strip() else line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
