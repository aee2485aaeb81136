"""`./baton alerts …`: try routes, see the receiver's state, switch it off and on.

test FILE   what a payload would trigger, by the routes of a file; needs no running Airflow
status      switches, and whether the file of routes is in order
off, on     the kill switch, of one route or of all: alerts are recorded meanwhile, and start nothing
new-token   a token for a sender, and the lines for the file of credentials

Exit codes: 0 done, 1 something has to be mended first, 2 nothing could be done: no Airflow.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from baton.alerts.credentials import digest
from baton.alerts.payloads import ENDPOINTS, BodyError, read_body
from baton.alerts.preview import trial
from baton.alerts.watched import routes_of
from baton.command_line import run
from baton.exceptions import PermanentError

DONE, TO_MEND, NOTHING_DONE = 0, 1, 2
_ROUTES = Path("include/alerts/routes.yaml")
_TIMEOUT_SECONDS = 30


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _options(arguments)
    try:
        return int(options.run(options))
    except PermanentError as err:
        print(f"baton alerts: {err}", file=sys.stderr)
        return TO_MEND
    except _NoAirflowError as err:
        print(f"baton alerts: {err}", file=sys.stderr)
        return NOTHING_DONE


class _NoAirflowError(Exception):
    """Airflow cannot be asked."""


def _test(options: argparse.Namespace) -> int:
    routes = routes_of(options.routes)
    try:
        body = sys.stdin.buffer.read() if str(options.file) == "-" else options.file.read_bytes()
        post = read_body(body, options.source)
    except OSError as err:
        raise BodyError(f"{options.file} cannot be read: {err.strerror}") from err
    except BodyError as err:
        raise BodyError(f"{options.file}: {err}") from err
    for line in trial(routes, post):
        print(line)
    return TO_MEND if any(received.problem for received in post.received) else DONE


def _status(options: argparse.Namespace) -> int:
    state = _ask(options, "GET", "state")
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
    return TO_MEND if state["problem"] or state["senders_problem"] else DONE


def _switch(options: argparse.Namespace) -> int:
    is_on = options.command == "on"
    _ask(options, "POST", "switch", json={"route": options.route or "", "on": is_on})
    print(f"{options.route or 'all routes'}: {'on' if is_on else 'off, alerts are recorded and start nothing'}")
    return DONE


def _new_token(options: argparse.Namespace) -> int:
    token = secrets.token_urlsafe(32)
    print(f"token, for the sender: {token}")
    print("for the file of credentials, which keeps only its digest:")
    print(f"  - name: {json.dumps(options.name)}\n    type: bearer")
    print(f'    keys: [{{id: "{datetime.now(UTC):%Y-%m-%d}", sha256: {digest(token)}}}]')
    return DONE


def _ask(options: argparse.Namespace, method: str, path: str, **content: Any) -> Any:
    import httpx

    token = os.environ.get("AIRFLOW_API_TOKEN")
    if not options.airflow or not token:
        raise _NoAirflowError(
            "say where Airflow is (--airflow or $AIRFLOW_API_URL), with a token in $AIRFLOW_API_TOKEN"
        )
    url = f"{options.airflow.rstrip('/')}/baton/alerts/{path}"
    headers = {"Authorization": f"Bearer {token}"}
    try:
        response = httpx.request(method, url, headers=headers, timeout=_TIMEOUT_SECONDS, **content)
    except (httpx.HTTPError, httpx.InvalidURL) as err:
        raise _NoAirflowError(f"cannot reach Airflow at {options.airflow}: {err}") from err
    if response.is_error:
        raise _NoAirflowError(f"Airflow refused {path} ({response.status_code}): {response.text[:300]}")
    try:
        return response.json()
    except ValueError as err:
        raise _NoAirflowError(f"what answers at {options.airflow} is no Airflow with Baton in it") from err


def _options(arguments: list[str] | None) -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="./baton alerts", description=__doc__, formatter_class=form)
    airflow = argparse.ArgumentParser(add_help=False)
    airflow.add_argument("--airflow", metavar="URL", default=os.environ.get("AIRFLOW_API_URL"), help="its address")
    commands = parser.add_subparsers(dest="command", required=True)
    test = commands.add_parser("test", help="what a payload would trigger")
    test.add_argument("file", type=Path, metavar="FILE", help="a webhook's body in JSON; - for standard input")
    test.add_argument("--routes", type=Path, default=_ROUTES, help=f"default: {_ROUTES}")
    test.add_argument("--source", choices=ENDPOINTS, default="alertmanager", help="default: alertmanager")
    test.set_defaults(run=_test)
    commands.add_parser("status", parents=[airflow], help="switches and routes").set_defaults(run=_status)
    for name, meaning in (("off", "start nothing any more"), ("on", "start runs again")):
        switch = commands.add_parser(name, parents=[airflow], help=meaning)
        switch.add_argument("route", nargs="?", metavar="ROUTE", help="default: all of them")
        switch.set_defaults(run=_switch)
    token = commands.add_parser("new-token", help="a token for a sender")
    token.add_argument("name", help="the sender's name, as it will stand in each decision")
    token.set_defaults(run=_new_token)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run(main)
