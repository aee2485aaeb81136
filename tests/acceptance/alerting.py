"""The real Prometheus and Alertmanager beside a running stack, with the project's example configuration."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import yaml
from tests.acceptance.chain import await_value

from baton_local.layout import PROJECT

EXAMPLES = PROJECT / "include" / "manifests" / "alerting" / "prometheus"
PROGRAMS = ("prometheus", "prometheus-alertmanager")

SHOP = """
import http.server, sys, time
BEGAN = time.monotonic()
class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        seconds = time.monotonic() - BEGAN
        text = "# TYPE http_requests_total counter\\n"
        for code, rate in (("200", 90), ("503", 10)):
            text += 'http_requests_total{code="%s"} %d\\n' % (code, rate * seconds)
        self.send_response(200); self.send_header("Content-Type", "text/plain"); self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *_): pass
print("serving, and failing one request in ten", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Metrics).serve_forever()
"""
"""A service of which one request in ten fails."""


def need_programs() -> None:
    """Skip the test where Debian's packages are not installed."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed: apt-get install prometheus prometheus-alertmanager")


def free_port() -> int:
    """A TCP port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Alerting:
    """What runs.

    :param posts: of Alertmanager to the receiver: when each came (Unix seconds), and the receiver's answer.
    """

    prometheus: str
    posts: list[tuple[float, int]] = field(default_factory=list)


@contextmanager
def alerting(folder: Path, *, receiver: str, token: str, service: str, metrics_port: int) -> Iterator[Alerting]:
    """Prometheus and Alertmanager for as long as a block lasts. The example's rule, with seconds for its minutes.

    :param receiver: the address of Airflow.
    :param service: the name of the Deployment that Prometheus scrapes at `metrics_port`.
    """
    ports = {name: free_port() for name in PROGRAMS}
    found = Alerting(f"http://127.0.0.1:{ports['prometheus']}")
    with ExitStack() as stack:
        address = stack.enter_context(_observed(receiver, found))
        _write_configuration(folder, ports, address, token, service, metrics_port)
        for name, arguments in _commands(folder, ports).items():
            stack.enter_context(_running(folder, name, arguments))
        for port in ports.values():
            await_value(lambda port=port: _is_ready(port), 30)  # type: ignore[misc]
        yield found


def _write_configuration(
    folder: Path, ports: dict[str, int], receiver: str, token: str, service: str, metrics_port: int
) -> None:
    rules = (EXAMPLES / "rules.yaml").read_text()
    (folder / "rules.yaml").write_text(rules.replace("[5m]", "[4s]").replace("for: 2m", "for: 0s"))
    prometheus = yaml.safe_load((EXAMPLES / "prometheus.yaml").read_text())
    prometheus["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    [managers] = prometheus["alerting"]["alertmanagers"]
    managers["static_configs"] = [{"targets": [f"127.0.0.1:{ports['prometheus-alertmanager']}"]}]
    labels = {"namespace": "baton", "service": service}
    target = {"targets": [f"127.0.0.1:{metrics_port}"], "labels": labels}
    prometheus["scrape_configs"] = [{"job_name": "shop", "static_configs": [target]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(prometheus))

    manager = yaml.safe_load((EXAMPLES / "alertmanager.yaml").read_text())
    [route] = manager["route"]["routes"]
    route["group_wait"] = "100ms"
    [webhook] = next(item for item in manager["receivers"] if item["name"] == "baton")["webhook_configs"]
    webhook["url"] = f"{receiver}/alerts/v1/alertmanager"
    webhook["http_config"]["authorization"]["credentials_file"] = str(folder / "token")
    (folder / "alertmanager.yaml").write_text(yaml.safe_dump(manager))
    (folder / "token").write_text(token)


def _commands(folder: Path, ports: dict[str, int]) -> dict[str, list[str]]:
    listen = "--web.listen-address=127.0.0.1:{}".format
    return {
        "prometheus": [
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            listen(ports["prometheus"]),
        ],
        "prometheus-alertmanager": [
            f"--config.file={folder / 'alertmanager.yaml'}",
            f"--storage.path={folder / 'manager'}",
            listen(ports["prometheus-alertmanager"]),
            "--cluster.listen-address=",
        ],
    }


@contextmanager
def _running(folder: Path, name: str, arguments: list[str]) -> Iterator[None]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([name, *arguments], stdout=log, stderr=log, cwd=folder)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/-/ready", timeout=2).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def _observed(receiver: str, found: Alerting) -> Iterator[str]:
    """Something between Alertmanager and the receiver that notes each post and its answer; gives its address."""

    class Observer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came = time.time()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
            answer = httpx.post(f"{receiver}{self.path}", content=body, headers=headers, timeout=30)
            found.posts.append((came, answer.status_code))
            self.send_response(answer.status_code)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Observer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
