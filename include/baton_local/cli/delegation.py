"""Commands that other programs of this project do: the plugin's and the workloads', which run without `./baton` too."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from baton_local.layout import current_layout

_FOLDERS = ("plugins", "include")


def prepared(name: str, module: str, words: Sequence[str], place: Sequence[str] = ()) -> list[str]:
    """The command line of another program, for which this process's variables are made ready.

    :param name: of the command here: usage lines begin with `./baton NAME`.
    :param place: words with which the other program's own command begins.
    """
    project = current_layout().project
    os.environ["BATON_PROGRAM"] = f"./baton {name}" + (f"={' '.join(place)}" if place else "")
    os.environ["PYTHONPATH"] = os.pathsep.join(str(project / folder) for folder in _FOLDERS)
    return [sys.executable, "-m", module, *place, *words]


def hand_over(name: str, module: str, words: Sequence[str], place: Sequence[str] = ()) -> NoReturn:
    """Become the other program; see `prepared`."""
    os.execv(sys.executable, prepared(name, module, words, place))
