"""PostgreSQL's client tools of several major versions: which of them are here, and which one fits a server.

A dump is made by the tool of the server's own major version where it is installed, as only that one knows exactly what
the server has; a newer one reads older servers, never the other way round. Debian's and Red Hat's packages of several
majors lie side by side in folders of their own, which are looked into besides PATH.
"""

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from baton_workloads.errors import ConfigurationError

FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")


@dataclass(frozen=True)
class Tool:
    """One program.

    :param version: as it says it, for example ``18.1``.
    """

    path: str
    version: str

    @property
    def major(self) -> int:
        """Give its major version."""
        return major(self.version)

    def sibling(self, name: str) -> "Tool":
        """Give another program of the same version.

        :raises ConfigurationError: it is not there.
        """
        path = Path(self.path).with_name(name)
        if not path.is_file():
            raise ConfigurationError(f"{name} is not beside {self.path}; install all of PostgreSQL's client tools")
        return Tool(str(path), self.version)


def major(version: str) -> int:
    """Give the major version of ``18.1``, ``17beta1`` or ``16.2 (Debian …)``."""
    digits = version.split(".")[0]
    return int("".join(sign for sign in digits if sign.isdigit())[:2] or 0)


def fitting(name: str, least: int, wanted: int) -> Tool:
    """Find the tool of a major version.

    :param least: an older one cannot do it.
    :param wanted: the one that is taken where it is installed; else the next newer one.
    :raises ConfigurationError: there is none that is new enough.
    """
    found = [tool for tool in installed(name) if tool.major >= least]
    if not found:
        there = ", ".join(tool.version for tool in installed(name))
        raise ConfigurationError(
            f"{name} is not on PATH nor in /usr/lib/postgresql in version {least} or newer"
            f"{f' (there is {there})' if there else ''}; install PostgreSQL's client tools"
            f" (Debian: apt-get install postgresql-client-{least})"
        )
    return min(found, key=lambda tool: (tool.major < wanted, abs(tool.major - wanted)))


def installed(name: str) -> list[Tool]:
    """List the tools of that name, the one on PATH first."""
    on_path = shutil.which(name)
    others = sorted(str(path) for folder in FOLDERS for path in Path("/").glob(f"{folder}/{name}"))
    return [tool for path in dict.fromkeys([*([on_path] if on_path else []), *others]) if (tool := _asked(path))]


@cache
def _asked(path: str) -> Tool | None:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    words = done.stdout.split()
    return Tool(path, words[2]) if done.returncode == 0 and len(words) > 2 else None
