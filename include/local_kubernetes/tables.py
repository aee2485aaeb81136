"""``meta.k8s.io/v1`` Tables, which kubectl get prints."""

from __future__ import annotations

from typing import Any

from .kinds.columns import age
from .resources import Column, Kind

Object = dict[str, Any]
_PLAIN = (Column("Name", lambda obj: obj["metadata"]["name"], format="name"), Column("Created At", age))


def table(kind: Kind, objects: list[Object], version: str, include: str) -> Object:
    """Objects as rows.

    :param include: what goes along with each row: ``None``, ``Metadata`` or ``Object``.
    """
    columns = kind.columns or _PLAIN
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [_row(columns, obj, include) for obj in objects],
    }


def _definition(column: Column) -> Object:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": "",
        "priority": column.priority,
    }


def _row(columns: tuple[Column, ...], obj: Object, include: str) -> Object:
    row: Object = {"cells": [column.value(obj) for column in columns]}
    if include == "Object":
        row["object"] = obj
    elif include != "None":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": obj["metadata"],
        }
    return row
