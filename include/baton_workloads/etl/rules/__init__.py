"""Anonymisation rules: what may happen to a column. Each is a small model with its parameters.

Every module of this package is imported, and each of its rules is known by the name that its field ``rule`` has: a new
rule is one new file.
"""

from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import Discriminator, Tag

from baton_workloads.etl.rules.base import Rule

__all__ = ["RULES", "AnyRule", "Rule", "check_name", "keeps_keys"]


def _found() -> dict[str, type[Rule]]:
    rules: dict[str, type[Rule]] = {}
    for module in sorted(found.name for found in iter_modules(__path__)):
        for kind in vars(import_module(f"{__name__}.{module}")).values():
            name = _name_of(kind)
            if name is not None and rules.setdefault(name, kind) is not kind:
                raise TypeError(f"rules {rules[name].__module__} and {kind.__module__} have the same name {name}")
    return rules


def _name_of(kind: Any) -> str | None:
    if not isinstance(kind, type) or not issubclass(kind, Rule):
        return None
    annotation = kind.model_fields["rule"].annotation
    return str(get_args(annotation)[0]) if get_origin(annotation) is Literal else None


RULES = _found()
"""All rules by name."""


def check_name(name: str) -> None:
    """Say which rule was meant.

    :raises ValueError: there is none of that name.
    """
    if name not in RULES:
        near = get_close_matches(name.lower(), RULES, n=1)
        meant = f"; did you mean {near[0]}?" if near else ";"
        raise ValueError(f"there is no rule {name!r}{meant} there are {', '.join(sorted(RULES))}")


def keeps_keys(name: str | None) -> bool:
    """Say whether the rule of that name, which a manifest holds, keeps unique values unique and equal ones equal."""
    return name in RULES and RULES[name].keeps_keys


def _tag(value: object) -> str | None:
    name = value.get("rule") if isinstance(value, dict) else getattr(value, "rule", None)
    return name if isinstance(name, str) else None


if TYPE_CHECKING:
    AnyRule = Rule
else:
    AnyRule = Annotated[Union[*(Annotated[kind, Tag(name)] for name, kind in RULES.items())], Discriminator(_tag)]
