"""Public names of a package that are imported when they are asked for (PEP 562).

Why: `from baton.cronjobs import cronjob_dags` stands in DAG files, which are parsed often. It must not pay for
what the package has besides: the Kubernetes clients alone take seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package.

    :param modules: public name → the module in the package that has it. None may be called as a module is.
    """

    def find(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return find
