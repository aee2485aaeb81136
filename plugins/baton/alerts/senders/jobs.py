"""Orders: `{"template": NAME, "id"?, "labels"?, "annotations"?}` runs a Job from a named template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from baton.alerts.payloads import JOBS, BodyError, Group, Post, fingerprint_of, read_alert, word
from baton.alerts.times import NO_START


def read(document: Any) -> Post:
    """Read an order; an `id` makes repeats of an order one order."""
    if not isinstance(document, dict) or not isinstance(document.get("template"), str):
        raise BodyError(
            'the body must be an object with the name of a template: {"template": "collect-diagnostics-job"}'
        )
    given = document.get("labels")
    labels = {**(given if isinstance(given, Mapping) else {}), "template": document["template"]}
    order = word(document.get("id"))
    begin = NO_START if order else ""
    entry = {"labels": labels, "annotations": document.get("annotations"), "startsAt": begin}
    received = read_alert(entry, JOBS, Group())
    made = fingerprint_of(f"{order}\n{received.alert.fingerprint}") if order else received.alert.fingerprint
    return Post([replace(received, alert=replace(received.alert, fingerprint=made))])
