"""Who sends alerts, and how their bodies are read: one file for each, found by its name.

A file `name.yaml` is a mapping (`baton.alerts.mapping`); a module `name.py` gives `read(document)`, which makes a
`Post` of the JSON that was sent, or raises a `BodyError` that says what is wrong with it. Either answers at
`POST /alerts/v1/name`. An installation has mappings of its own in a folder, see `baton.alerts.reloaded_files`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules
from typing import Any

from baton.alerts.bodies import as_events, read_document, without_envelope
from baton.alerts.mapping import SenderMapping, read_mapping
from baton.alerts.payloads import BodyError, Post

Headers = Mapping[str, str]
CLOUD_EVENTS = "cloudevents"
GENERIC = "generic"
_SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True)
class Sender:
    """One form of bodies.

    :param about: who sends it, for people.
    :param mapping: None: it is read by a module.
    """

    name: str
    about: str
    read: Callable[[Any, Headers], Post]
    mapping: SenderMapping | None = None


def of_mapping(mapping: SenderMapping) -> Sender:
    """The sender that a mapping describes."""
    return Sender(mapping.name, mapping.about, mapping.read, mapping)


def _of_module(name: str) -> Sender:
    module = import_module(f"{__name__}.{name}")
    return Sender(name, str(module.__doc__ or "").partition(":")[0], lambda document, _: module.read(document))


def _found() -> dict[str, Sender]:
    modules = [_of_module(module.name) for module in iter_modules(__path__)]
    texts = [file for file in files(__name__).iterdir() if file.name.endswith(_SUFFIX)]
    mappings = [
        of_mapping(read_mapping(file.name.removesuffix(_SUFFIX), file.read_text(encoding="utf-8"))) for file in texts
    ]
    return {sender.name: sender for sender in sorted([*modules, *mappings], key=lambda sender: sender.name)}


SENDERS: dict[str, Sender] = _found()
ENDPOINTS = tuple(SENDERS)


def read_body(
    body: bytes | bytearray, name: str, headers: Headers | None = None, senders: Mapping[str, Sender] = SENDERS
) -> Post:
    """Read a body.

    :param name: the endpoint, one of `senders`.
    :raises BodyError: it is no JSON, or holds no alerts of this sender's form.
    """
    headers = headers or {}
    return read_parsed(read_document(body, headers), name, headers, senders)


def read_parsed(document: Any, name: str, headers: Headers, senders: Mapping[str, Sender] = SENDERS) -> Post:
    """Read what a body holds."""
    if name == CLOUD_EVENTS:
        return senders[name].read(as_events(document, headers), headers)
    document = without_envelope(document)
    try:
        return senders[name].read(document, headers)
    except BodyError:
        if name != GENERIC or (known := _recognised(document, senders)) is None:
            raise
        return known.read(document, headers)


def _recognised(document: Any, senders: Mapping[str, Sender]) -> Sender | None:
    """The sender whose form a body has, for whoever posts to the address that takes every known form."""
    return next((each for each in senders.values() if each.mapping and each.mapping.recognises(document)), None)
