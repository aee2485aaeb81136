"""What a field's value can be, worded for whoever wrote the file; the rules themselves are in `kubernetes_values`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from baton.cronjobs.manifests.yaml_documents import Path
from kubernetes_values import CHOICES, LABEL_VALUE, QUALIFIED, SUBDOMAIN

Finding = tuple[Path, str]
"""A field, and what is wrong with it."""


def unknown_value(type_name: str, value: Any) -> str | None:
    """Say what a field of this type may have, if the value is none of it. Empty means the default."""
    known = CHOICES.get(type_name)
    if known is None or not isinstance(value, str) or value in ("", *known):
        return None
    return f"must be one of {', '.join(known)}, is {value!r}"


def wrong_key(key: str) -> str | None:
    """What is wrong with the key of a label or an annotation: `name`, or `example.com/name`."""
    prefix, slash, name = key.rpartition("/")
    if slash and not SUBDOMAIN.fits(prefix):
        return f"{key!r} is no key: before the / stands a DNS name such as example.com"
    if not QUALIFIED.fits(name):
        return f"{key!r} is no key: up to 63 letters, digits, '-', '_' and '.', letters or digits at both ends"
    return None


def wrong_labels(labels: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with labels, or with what is compared with labels."""
    for key, value in labels.items():
        if why := wrong_key(key):
            yield (key,), why
        elif value and not LABEL_VALUE.fits(value):
            yield (
                (key,),
                f"{value!r} is no label: up to 63 letters, digits, '-', '_' and '.', letters or digits at both ends",
            )
