"""Lifecycle hooks: what a container wants to be run in it after its start and before its end.

Source: https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
"""

from __future__ import annotations

import asyncio
from typing import Any

from . import container_exec
from .attempt import Attempt

Object = dict[str, Any]


class HookError(Exception):
    """A hook has failed; the message tells how."""


def hook(container: Object, name: str) -> Object | None:
    """The handler of ``postStart`` or ``preStop``, or None."""
    handler: Object | None = (container.get("lifecycle") or {}).get(name)
    return handler


async def run(handler: Object, attempt: Attempt) -> None:
    """Run a handler in a container: a command, or a sleep.

    :raises HookError: the command has failed.
    """
    if "sleep" in handler:
        await asyncio.sleep(float(handler["sleep"].get("seconds") or 0))
        return
    command = [str(part) for part in handler["exec"]["command"]]
    code, output = await container_exec.run(attempt, command)
    if code != 0:
        raise HookError(f'command "{" ".join(command)}" exited with {code}: {output.strip()}')
