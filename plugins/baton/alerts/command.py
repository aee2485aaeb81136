"""`./baton alerts …`: try routes, see the receiver's state, switch it off and on."""

from __future__ import annotations

import json
import os
import secrets
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from baton import command_line
from baton.airflow_rest import AirflowError, AirflowRest
from baton.alerts.credentials import digest
from baton.alerts.mapping import MappingError
from baton.alerts.payloads import BodyError
from baton.alerts.preview import preview
from baton.alerts.reloaded_files import ReloadedSenders, routes_of
from baton.alerts.senders import ENDPOINTS, read_body
from baton.command_line import FINE, NOT_ASKED, WRONG
from baton.durations import read_duration

_ROUTES, _SENDERS = Path("include/alerts/routes.yaml"), Path("include/alerts/senders")
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
        str, typer.Option(help=f"Who sends it: {', '.join(ENDPOINTS)}, or one of the folder's own.")
    ] = "alertmanager",
    senders: Annotated[
        Path, typer.Option(metavar="FOLDER", file_okay=False, help="Mappings of own senders.")
    ] = _SENDERS,
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME:VALUE", help="A header that the sender adds; may be repeated.")
    ] = None,
) -> None:
    """What a payload would trigger, by the routes of a file; needs no running Airflow."""
    watched = ReloadedSenders(senders)
    if problem := watched.problem:
        raise MappingError(problem)
    known = routes_of(routes, watched.endpoints())
    if source not in watched.endpoints():
        raise typer.BadParameter(f"there is no sender {source!r}; there are {', '.join(watched.endpoints())}")
    try:
        body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        post = read_body(body, source, _headers(header or []), watched.current())
    except OSError as err:
        raise BodyError(f"{file} cannot be read: {err.strerror}") from err
    except BodyError as err:
        raise BodyError(f"{file}: {err}") from err
    for line in preview(known, post):
        print(line)
    raise typer.Exit(WRONG if any(received.problem for received in post.received) else FINE)


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


@app.command("status")
def status(airflow: Address = "") -> None:
    """Show the switches, and whether the files of routes and of senders are in order."""
    state = _ask(airflow, "GET", "state")
    for entry in state["off"]:
        until = f", until {entry['until']}" if entry.get("until") else ""
        print(f"OFF  {entry['route'] or 'all routes'}, by {entry['by']} at {entry['at']}{until}")
    if not state["off"]:
        print("on   all routes")
    for route in state["routes"]:
        print(f"     {route['name']} → {route['dag_id']}{'' if not route['problem'] else ': ' + route['problem']}")
    if state["problem"]:
        kept = "The last good routes are in use" if state["has_routes"] else "There are no routes: senders get 503"
        print(f"{kept}. {state['problem']}")
    if state["senders_problem"]:
        print(f"The senders: {state['senders_problem']}")
    if not state.get("has_senders", True) and not state["senders_problem"]:
        print("No sender is set up: the setting alerts_credentials names no file")
    for row in state.get("refused", []):
        print(refusal_line(row))
    all_off = any(not entry["route"] for entry in state["off"])
    is_wrong = state["problem"] or state["senders_problem"] or state.get("refused") or all_off
    raise typer.Exit(WRONG if is_wrong else FINE)


def refusal_line(row: dict[str, Any]) -> str:
    """One kind of refused posts, in words."""
    posts = "1 post" if row["times"] == 1 else f"{row['times']} posts"
    who = row["sender"] or "an unknown sender"
    where = row["endpoint"] or "another address"
    return f"{who}: {posts} to {where} refused ({row['status']}: {row['reason']}), last {row['last_at']}"


@app.command("off")
def off(
    route: Route = "",
    airflow: Address = "",
    for_: Annotated[
        str, typer.Option("--for", metavar="TIME", help="Such as 2h or 90m: it is on again by itself then.")
    ] = "",
) -> None:
    """Start nothing any more, of one route or of all: alerts are recorded meanwhile."""
    minutes = None
    if for_:
        minutes = max(1, round(read_duration(for_, timedelta(days=30)).total_seconds() / 60))
    _switch(airflow, route, on=False, minutes=minutes)


@app.command("on")
def on(route: Route = "", airflow: Address = "") -> None:
    """Start runs again."""
    _switch(airflow, route, on=True)


@app.command("list")
def list_decisions(
    airflow: Address = "",
    route: Annotated[
        str | None, typer.Option(metavar="ROUTE", help="Of one route; '' for those that none took.")
    ] = None,
    decision: Annotated[list[str] | None, typer.Option(metavar="WORD", help="Such as run; may be repeated.")] = None,
    find: Annotated[str, typer.Option(metavar="TEXT", help="In labels, reasons, runs, senders.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List what was decided about alerts, the newest first; the number is what `replay` takes."""
    query: dict[str, Any] = {"text": find, "verdict": decision or []}
    if route is not None:
        query["route"] = route
    shown = 0
    while True:
        page = _ask(airflow, "GET", "data", params=query)
        for row in page["rows"][: limit - shown]:
            print(json.dumps(row, ensure_ascii=False) if as_json else _decision_line(row))
            shown += 1
        if shown >= limit or not page["more"]:
            return
        query["before"] = page["rows"][-1]["id"]


def _decision_line(row: dict[str, Any]) -> str:
    name = row["labels"].get("alertname") or row["labels"].get("template") or row["fingerprint"]
    run = f"{row['dag_id']} {row['run_id']} {row['run_state']}".strip() if row["run_id"] else row["reason"]
    again = f" (+{row['repeats']})" if row["repeats"] else ""
    return f"{row['id']:>7}  {row['first_at'][:19]}  {row['verdict']:<10} {row['route'] or '-'}  {name}{again}: {run}"


@app.command("replay")
def replay(
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER...", help="Of decisions, as `list` shows them.")],
    airflow: Address = "",
    new: Annotated[
        bool, typer.Option("--new", help="As alerts that begin now: those with a run get another, in any cooldown.")
    ] = False,
) -> None:
    """Decide anew on alerts that were received, as if they were sent again now."""
    answer = _ask(airflow, "POST", "replay", json={"ids": numbers, "new": new})
    for decision in answer["decisions"]:
        repeated = ", as before" if decision["repeated"] else ""
        print(f"{decision['alert'] or decision['fingerprint']}: {decision['decision']}{repeated}. {decision['reason']}")
        if decision["run_id"]:
            print(f"  {decision['dag_id']} {decision['run_id']}")


@app.command("forget-refused")
def forget_refused(airflow: Address = "") -> None:
    """Forget the posts that were refused, after somebody has seen to them."""
    print(f"{_ask(airflow, 'POST', 'forget-refused', json={})['forgotten']} kinds of refused posts are forgotten")


def _switch(airflow: str, route: str, *, on: bool, minutes: int | None = None) -> None:
    state = _ask(airflow, "POST", "switch", json={"route": route, "on": on, "minutes": minutes})
    until = next((entry["until"] for entry in state["off"] if entry["route"] == route), "")
    words = "on" if on else f"off{f' until {until}' if until else ''}, alerts are recorded and start nothing"
    print(f"{route or 'all routes'}: {words}")


@app.command("new-token")
def new_token(
    name: Annotated[str, typer.Argument(help="The sender's name, as it will stand in each decision.")],
    basic: Annotated[bool, typer.Option("--basic", help="A password, for senders that can show nothing else.")] = False,
) -> None:
    """Make a token or a password for a sender, and the lines for the file of credentials."""
    token = secrets.token_urlsafe(32)
    what = f"user {name} and password" if basic else "token"
    print(f"{what}, for the sender: {token}")
    print("for the file of credentials, which keeps only its digest:")
    print(f"  - name: {json.dumps(name)}\n    type: {'basic' if basic else 'bearer'}")
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
