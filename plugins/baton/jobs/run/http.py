"""HTTP through an Airflow connection of type http: its address, its credentials, nothing from the environment."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from baton.exceptions import PermanentError
from baton.functions.hook import endpoint_of
from baton.jobs.run.opened import Opened

if TYPE_CHECKING:
    import httpx


logging.getLogger("httpx").setLevel(logging.WARNING)  # else each address, with the data in it, is a line of the log


def client_of(connection_id: str, opened: Opened) -> httpx.Client:
    """A client for the connection's address; it follows no redirect, which could carry the credentials elsewhere.

    Why it is shared: to make one takes longer than a call, for the certificates that it reads.

    :raises PermanentError: the connection is missing, names no host, or its certificates cannot be read.
    """
    client: httpx.Client = opened.get(("http", connection_id), lambda: _client(connection_id))
    return client


@contextmanager
def _client(connection_id: str) -> Iterator[httpx.Client]:
    import httpx
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        endpoint = endpoint_of(BaseHook.get_connection(connection_id))
    except AirflowNotFoundException as err:
        raise PermanentError(f"connection {connection_id} is missing: make it in Airflow") from err
    try:
        verify: Any = ssl.create_default_context(cafile=endpoint.ca_file) if endpoint.ca_file else True
    except OSError as err:
        raise PermanentError(f"connection {connection_id}: ca_file {endpoint.ca_file} cannot be read") from err
    with httpx.Client(base_url=endpoint.url, headers=dict(endpoint.headers), verify=verify, trust_env=False) as client:
        yield client
