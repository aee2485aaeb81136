"""Ask for addresses so that their caches are warm, no faster than their server can bear.

The plan (``include/maintenance/warm_caches.yaml``) comes through BATON_WARM_PLAN as JSON. It names paths only; the
server is named by the Secret, so that nobody who edits the plan sends these requests, and their token, elsewhere.
"""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError, TransientError
from baton_workloads.maintenance import table
from baton_workloads.maintenance.work import Clock
from baton_workloads.progress import say

if TYPE_CHECKING:
    import httpx

SHOWN = 200  # addresses in the result; an XCom is no place for thousands
KNOWN = {"addresses", "concurrency", "per_second", "timeout_seconds", "failed_percent"}


@dataclass(frozen=True)
class Plan:
    """What to ask for, and how.

    :param addresses: paths, each beginning with one slash.
    :param concurrency: requests at the same time.
    :param per_second: requests that begin within a second, at most.
    :param failed_percent: with more failures than this the whole run has failed.
    """

    addresses: tuple[str, ...]
    concurrency: int = 4
    per_second: float = 20
    timeout_seconds: float = 10
    failed_percent: float = 10


@dataclass(frozen=True)
class Answer:
    """What became of one request.

    :param status: HTTP status, or the name of what went wrong.
    """

    address: str
    status: str
    milliseconds: float
    ok: bool


def plan() -> Plan:
    """Read the plan from the environment.

    :raises ConfigurationError: it is missing, or no plan; the message says which part.
    """
    try:
        content = json.loads(required("BATON_WARM_PLAN"))
    except ValueError as err:
        raise ConfigurationError("BATON_WARM_PLAN is no JSON") from err
    if not isinstance(content, dict) or content.keys() - KNOWN:
        raise ConfigurationError(
            f"the plan to warm caches is an object that has nothing but {', '.join(sorted(KNOWN))}"
        )
    addresses = content.pop("addresses", None)
    if not isinstance(addresses, list) or not addresses:
        raise ConfigurationError("the plan to warm caches names no addresses")
    for address in addresses:
        if not isinstance(address, str) or not address.startswith("/") or address.startswith("//"):
            raise ConfigurationError(f"address {address!r} is no path; it looks like /products?page=1")
    for name, value in content.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise ConfigurationError(f"{name} of the plan to warm caches is no number")
        if (value == 0 and name != "failed_percent") or (name == "concurrency" and not isinstance(value, int)):
            raise ConfigurationError(
                f"{name} of the plan to warm caches has to be more than 0, concurrency a whole number"
            )
    return Plan(tuple(dict.fromkeys(addresses)), **content)


def warm(*, dry_run: bool = False) -> dict[str, Any]:
    """Ask for all addresses once.

    :returns: outcome, asked, failed, slowest_ms, median_ms, addresses (status and milliseconds each), seconds.
    :raises TransientError: more addresses failed than the plan bears; the message names the first of them.
    """
    wanted, clock, base = plan(), Clock(0), required("BATON_WARM_BASE_URL")
    if dry_run:
        for address in wanted.addresses:
            say(f"would ask for {address}")
        return {"outcome": "dry_run", "asked": 0, "addresses": list(wanted.addresses[:SHOWN])}
    answers = list(_ask_for_all(wanted, base))
    table.show(
        ("ms", "status", "address"), [(f"{item.milliseconds:.0f}", item.status, item.address) for item in answers]
    )
    failed = [item for item in answers if not item.ok]
    if 100 * len(failed) > wanted.failed_percent * len(answers):
        first = ", ".join(f"{item.address} ({item.status})" for item in failed[:5])
        raise TransientError(f"{len(failed)} of {len(answers)} addresses failed: {first}; is the application up?")
    times = sorted(item.milliseconds for item in answers)
    return {
        "outcome": "done",
        "asked": len(answers),
        "failed": len(failed),
        "median_ms": times[len(times) // 2],
        "slowest_ms": times[-1],
        "addresses": [vars(item) for item in answers[:SHOWN]],
        "seconds": clock.seconds,
    }


def _ask_for_all(wanted: Plan, base: str) -> Iterator[Answer]:
    """Begin requests at even intervals, a limited number of them at a time; gives answers in the plan's order."""
    import httpx

    token = os.environ.get("BATON_WARM_AUTHORIZATION", "")
    headers = {"User-Agent": "baton-warm", **({"Authorization": token} if token else {})}
    with (
        httpx.Client(base_url=base, timeout=wanted.timeout_seconds, headers=headers) as client,
        ThreadPoolExecutor(wanted.concurrency) as pool,
    ):
        running: list[Future[Answer]] = []
        due = time.monotonic()
        for address in wanted.addresses:
            time.sleep(max(0, due - time.monotonic()))
            due = max(due, time.monotonic()) + 1 / wanted.per_second
            if len(running) >= wanted.concurrency:
                running[-wanted.concurrency].result()  # else the pool's queue would hold the pace that it owes
            running.append(pool.submit(_ask, client, address))
        yield from (future.result() for future in running)


def _ask(client: "httpx.Client", address: str) -> Answer:
    import httpx

    started = time.monotonic()
    try:
        with client.stream("GET", address) as response:
            for _ in response.iter_raw():  # read to the end, and forgotten
                pass
        status, ok = str(response.status_code), response.status_code < 400
    except (httpx.HTTPError, httpx.InvalidURL) as err:
        status, ok = type(err).__name__, False
    return Answer(address, status, round(1000 * (time.monotonic() - started), 1), ok)
