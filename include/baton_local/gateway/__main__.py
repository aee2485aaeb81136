"""The gateway as a program."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import web

from baton_local.errors import StackError
from baton_local.gateway.functions import read_functions
from baton_local.gateway.server import Gateway

PASSWORD = "BATON_GATEWAY_PASSWORD"  # noqa: S105  (the variable's name)


def main(
    stack_file: Annotated[Path, typer.Argument(help="The functions' stack.yaml.")],
    port: Annotated[int, typer.Option(help="TCP port.")],
    queue_file: Annotated[Path, typer.Option(help="Where asynchronous calls are kept (SQLite).")],
    secrets: Annotated[Path | None, typer.Option(help="Folder with one file for each secret.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; another one inside a container.")] = "127.0.0.1",
) -> None:
    """Serve functions; the password is read from BATON_GATEWAY_PASSWORD."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    password = os.environ.get(PASSWORD)
    if not password:
        raise typer.BadParameter(f"set {PASSWORD}: the gateway serves nobody without a password")
    try:
        gateway = Gateway(read_functions(stack_file), password, queue_file, secrets)
    except StackError as err:
        raise typer.BadParameter(str(err)) from err
    web.run_app(gateway.app(), host=host, port=port, print=lambda *_: None, access_log=None)


if __name__ == "__main__":
    typer.run(main)
