"""Which reports there are: those of the package ``content``."""

from importlib import import_module
from pkgutil import iter_modules

from baton_workloads.errors import ConfigurationError
from baton_workloads.reports import content
from baton_workloads.reports.definition import Definition


def definition(name: str) -> Definition:
    """Give one report.

    :raises ConfigurationError: there is none of this name.
    """
    found = definitions()
    if name not in found:
        raise ConfigurationError(f"there is no report {name!r}; there are {', '.join(found)}")
    return found[name]


def definitions() -> dict[str, Definition]:
    """Give all reports by name."""
    modules = {name: import_module(f"{content.__name__}.{name}") for _, name, _ in iter_modules(content.__path__)}
    return {name: module.REPORT for name, module in sorted(modules.items()) if hasattr(module, "REPORT")}
