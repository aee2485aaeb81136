"""`./baton alerts …`: try routes, see the receiver's state, switch it off and on."""

from __future__ import annotations

import json
import os
import secrets
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from baton import command_line
from baton.airflow_rest import AirflowError, AirflowRest
from baton.alerts.credentials import digest
from baton.alerts.payloads import BodyError
from baton.alerts.preview import preview
from baton.alerts.reloaded_files import routes_of
from baton.alerts.senders import ENDPOINTS, read_body
from baton.command_line import FINE, NOT_ASKED, WRONG

_ROUTES = Path("include/alerts/routes.yaml")
app = command_line.application(
    """Alert routes: try them, see the receiver's state, switch it off and on.

    Exit codes: 0 done, 1 something has to be fixed first, 2 nothing could be done: wrong words, no file, no Airflow.
    """
)
Address = Annotated[str, typer.Option("--airflow", metavar="URL", envvar="AIRFLOW_API_URL", help="Airflow's address.")]
Route = Annotated[str, typer.Argument(metavar="ROUTE", help="Default: all of them.", show_default=False)]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    return command_line.run(app, "alerts", "baton.alerts.command", arguments)


def _known_sender(name: str) -> str:
    if name not in ENDPOINTS:
        raise typer.BadParameter(f"there is no sender {name!r}; there are {', '.join(ENDPOINTS)}")
    return name


@app.command("test")
def try_payload(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            allow_dash=True,
            help="A webhook's body in JSON; - for standard input.",
        ),
    ],
    routes: Annotated[Path, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Routes.")] = _ROUTES,
    source: Annotated[
        str, typer.Option(callback=_known_sender, help=f"Who sends it: {', '.join(ENDPOINTS)}.")
    ] = "alertmanager",
) -> None:
    """What a payload would trigger, by the routes of a file; needs no running Airflow."""
    known = routes_of(routes)
    try:
        body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        post = read_body(body, source)
    except OSError as err:
        raise BodyError(f"{file} cannot be read: {err.strerror}") from err
    except BodyError as err:
        raise BodyError(f"{file}: {err}") from err
    for line in preview(known, post):
        print(line)
    raise typer.Exit(WRONG if any(received.problem for received in post.received) else FINE)


@app.command("status")
def status(airflow: Address = "") -> None:
    """Show the switches, and whether the files of routes and of senders are in order."""
    state = _ask(airflow, "GET", "state")
    switches = {entry["route"]: entry for entry in state["off"]}
    for name, entry in switches.items():
        print(f"OFF  {name or 'all routes'}, by {entry['by']} at {entry['at']}")
    if not switches:
        print("on   all routes")
    for route in state["routes"]:
        print(f"     {route['name']} → {route['dag_id']}{'' if not route['problem'] else ': ' + route['problem']}")
    if state["problem"]:
        kept = "The last good routes are in use" if state["has_routes"] else "There are no routes: senders get 503"
        print(f"{kept}. {state['problem']}")
    if state["senders_problem"]:
        print(f"The senders: {state['senders_problem']}")
    raise typer.Exit(WRONG if state["problem"] or state["senders_problem"] else FINE)


@app.command("off")
def off(route: Route = "", airflow: Address = "") -> None:
    """Start nothing any more, of one route or of all: alerts are recorded meanwhile."""
    _switch(airflow, route, on=False)


@app.command("on")
def on(route: Route = "", airflow: Address = "") -> None:
    """Start runs again."""
    _switch(airflow, route, on=True)


def _switch(airflow: str, route: str, *, on: bool) -> None:
    _ask(airflow, "POST", "switch", json={"route": route, "on": on})
    print(f"{route or 'all routes'}: {'on' if on else 'off, alerts are recorded and start nothing'}")


@app.command("new-token")
def new_token(
    name: Annotated[str, typer.Argument(help="The sender's name, as it will stand in each decision.")],
) -> None:
    """Make a token for a sender, and the lines for the file of credentials."""
    token = secrets.token_urlsafe(32)
    print(f"token, for the sender: {token}")
    print("for the file of credentials, which keeps only its digest:")
    print(f"  - name: {json.dumps(name)}\n    type: bearer")
    print(f'    keys: [{{id: "{datetime.now(UTC):%Y-%m-%d}", sha256: {digest(token)}}}]')


@app.command("token", hidden=not command_line.is_projects_own())
def own_token() -> None:
    """Print the token for senders of the stack on this machine."""
    print("baton alerts: only `./baton alerts token` knows a stack on this machine", file=sys.stderr)
    raise typer.Exit(NOT_ASKED)


def _ask(address: str, method: str, path: str, **content: Any) -> Any:
    token = os.environ.get("AIRFLOW_API_TOKEN")
    if not address or not token:
        raise AirflowError("say where Airflow is (--airflow or $AIRFLOW_API_URL), with a token in $AIRFLOW_API_TOKEN")
    with closing(AirflowRest(address, token)) as airflow:
        return airflow.call(method, f"/baton/alerts/{path}", **content)


if __name__ == "__main__":
    sys.exit(main())
