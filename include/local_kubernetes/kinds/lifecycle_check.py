"""What can be wrong with a container's lifecycle hooks and probes."""

from __future__ import annotations

from typing import Any

from local_kubernetes.errors import Cause, not_implemented

Object = dict[str, Any]


def check_probes(container: Object, field: str) -> list[Cause]:
    """What is wrong with the probes of the container that stands at ``field``."""
    causes = []
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container.get(name)
        if probe is None:
            continue
        where = f"{field}.{name}"
        handlers = [kind for kind in ("exec", "httpGet", "tcpSocket", "grpc") if probe.get(kind) is not None]
        if not handlers:
            causes.append(Cause(where, "FieldValueRequired", "Required value: must specify a handler type"))
        elif handlers[0] == "exec" and not probe["exec"].get("command"):
            causes.append(Cause(f"{where}.exec.command", "FieldValueRequired", "Required value"))
        elif handlers[0] != "exec" and not probe[handlers[0]].get("port"):
            causes.append(Cause(f"{where}.{handlers[0]}.port", "FieldValueRequired", "Required value"))
    return causes


def check_lifecycle(lifecycle: Object, field: str) -> list[Cause]:
    """What is wrong with the hooks that stand at ``field``.

    :raises ApiError: 501, a handler that is not there.
    """
    causes = []
    for name in ("postStart", "preStop"):
        handler = lifecycle.get(name)
        if handler is None:
            continue
        where = f"{field}.{name}"
        handlers = [kind for kind in handler if handler[kind] is not None]
        unknown = [kind for kind in handlers if kind not in ("exec", "sleep")]
        if unknown:
            raise not_implemented(f"{where}: {unknown[0]} is not supported by this local server (exec and sleep are)")
        if not handlers:
            causes.append(Cause(where, "FieldValueRequired", "Required value: must specify a handler type"))
        elif "exec" in handlers and not (handler["exec"] or {}).get("command"):
            causes.append(Cause(f"{where}.exec.command", "FieldValueRequired", "Required value"))
    return causes
