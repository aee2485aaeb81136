"""The function of `function_batches.py`: answers after 50 ms and applies each idempotency key once.

Run as ``python benchmarks/function_server.py PORT [--latency 0.05] [--max 64]``. ``GET /applied`` tells what was
applied.
"""

import argparse
import asyncio
import json

from aiohttp import web


class Function:
    """Counts how often each item was applied.

    :param max_in_flight: calls at a time; one more is answered 429.
    """

    def __init__(self, latency: float, max_in_flight: int) -> None:
        self.latency, self.max_in_flight = latency, max_in_flight
        self.keys: set[str] = set()
        self.times: dict[int, int] = {}
        self.calls = self.repeated = self.refused = self.in_flight = 0

    async def call(self, request: web.Request) -> web.Response:
        """One call, of one item or of a batch."""
        if self.in_flight >= self.max_in_flight:
            self.refused += 1
            return web.Response(status=429, headers={"Retry-After": "0"})
        self.in_flight += 1
        try:
            body = json.loads(await request.read())
            await asyncio.sleep(self.latency)
            self.apply(request.headers.get("Idempotency-Key"), body["items"])
        finally:
            self.in_flight -= 1
        return web.json_response({"done": len(body["items"])})

    def apply(self, key: str | None, items: list[int]) -> None:
        """Apply a call's items, once for each key."""
        self.calls += 1
        if key is not None and key in self.keys:
            self.repeated += 1
            return
        if key is not None:
            self.keys.add(key)
        for item in items:
            self.times[item] = self.times.get(item, 0) + 1

    async def applied(self, _: web.Request) -> web.Response:
        """What was applied, in numbers."""
        twice = sum(times > 1 for times in self.times.values())
        counts = {"items": len(self.times), "twice": twice, "calls": self.calls, "repeated": self.repeated}
        return web.json_response({**counts, "refused": self.refused})

    async def reset(self, _: web.Request) -> web.Response:
        """Forget everything."""
        self.__init__(self.latency, self.max_in_flight)  # type: ignore[misc]
        return web.Response()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--max", type=int, default=10_000)
    options = parser.parse_args()
    function = Function(options.latency, options.max)
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/f", function.call)
    app.router.add_get("/applied", function.applied)
    app.router.add_post("/reset", function.reset)
    web.run_app(app, host="127.0.0.1", port=options.port, print=lambda *_: None, access_log=None)


if __name__ == "__main__":
    main()
