"""What a report may read: the warehouse, the shop, and what the DAG handed over; connected when first asked for."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any

from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError
from baton_workloads.etl.database import connect
from baton_workloads.reports.queries import Queries
from baton_workloads.storage import store_for

if TYPE_CHECKING:
    import psycopg


class Sources:
    """The sources of one report; leave the block to close them.

    :param parameters: what each query may name.
    :param inputs: what the DAG handed over, name → value.
    """

    def __init__(self, parameters: dict[str, object], inputs: Mapping[str, str]) -> None:
        self._parameters, self._inputs, self._open = parameters, inputs, ExitStack()

    def __enter__(self) -> "Sources":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @cached_property
    def warehouse(self) -> Queries:
        """The warehouse: masked data, as of the last validated load."""
        return Queries(self._connected("BATON_WAREHOUSE_DSN", "warehouse"), self._parameters)

    @cached_property
    def shop(self) -> Queries:
        """The shop itself, for what the warehouse has no table of."""
        return Queries(self._connected("BATON_SOURCE_DSN", "source"), self._parameters)

    @cached_property
    def notebook(self) -> "psycopg.Connection[Any]":
        """The warehouse's schema `baton`, to remember what was reported before."""
        return self._connected("BATON_WAREHOUSE_DSN", "warehouse")

    def _connected(self, variable: str, what: str) -> "psycopg.Connection[Any]":
        return self._open.enter_context(connect(required(variable), what))

    def number(self, name: str) -> int:
        """Give an input that is a whole number.

        :raises ConfigurationError: it is missing or is none.
        """
        text = self._inputs.get(name, "")
        if not text.isdigit():
            raise ConfigurationError(f"input {name} is {text!r}, not a whole number; pass --input {name}=90")
        return int(text)

    def document(self, name: str) -> Any:
        """Give the JSON document at the address in an input."""
        uri = self._inputs.get(name, "")
        if not uri:
            raise ConfigurationError(f"input {name} is missing; pass --input {name}=s3://…")
        return json.loads(store_for(uri).read_bytes(uri))
