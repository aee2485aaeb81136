"""Range queries to the real Prometheus; skipped where Debian's package is not installed."""

from __future__ import annotations

import shutil
import subprocess

import httpx
import pytest
from tests.integration.incidents.conftest import await_ready, connect, free_port, pod

from baton.incidents.diagnostics.prometheus import Query, matchers

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
CONFIG = """
global: {scrape_interval: 200ms}
scrape_configs:
  - job_name: itself
    static_configs: [{targets: ["127.0.0.1:%d"], labels: {service: "shop \\"1\\"\\\\"}}]
"""
SERVICE = 'shop "1"\\'


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """The address of a Prometheus that scrapes itself."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed: apt-get install prometheus")
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    (folder / "prometheus.yaml").write_text(CONFIG % port)
    command = ["prometheus", f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
        try:
            await_ready(lambda: _answers(url, "up"))
            yield url
        finally:
            process.terminate()
            process.wait(20)


def _answers(url, query):
    try:
        answer = httpx.get(f"{url}/api/v1/query", params={"query": query}, timeout=5)
        return answer.is_success and answer.json()["data"]["result"]
    except httpx.HTTPError:
        return False


def test_metrics_around_the_alert_are_in_the_archive(prometheus, place, until, collect, monkeypatch):
    """As a table and as a chart; what Prometheus refuses is named, what it cannot know is left out."""
    place.core.create_namespaced_pod(place.name, pod("app", "sleep 100"))
    connect(monkeypatch, {"PROMETHEUS_DEFAULT": {"conn_type": "http", "host": prometheus}})
    labels = {"alertname": "HighErrorRate", "service": SERVICE}
    good = Query("up", "Targets that answer", "sum by (service) (up{$labels})", labels=("service",))

    found = collect({"pod": "app"}, labels=labels, queries=[good, Query("cpu", "CPU", "cpu{$pods}")])
    assert found.result["problems"] == []
    [*_, row] = found.files["metrics/up.tsv"].splitlines()
    assert row.endswith(f"service={SERVICE}\t1.0")
    assert "<figcaption>Targets that answer</figcaption>" in found.files["index.html"]

    wrong = collect({"pod": "app"}, labels=labels, queries=[Query("wrong", "Wrong", "sum("), good], run_id="second")
    [problem] = wrong.result["problems"]
    assert "wrong: refused with status 400" in problem
    assert "metrics/up.tsv" in wrong.files


def test_a_prometheus_that_is_away_costs_only_its_own_part(place, collect, monkeypatch):
    """The index names it; the rest is there."""
    place.core.create_namespaced_pod(place.name, pod("app", "sleep 100"))
    host = f"http://127.0.0.1:{free_port()}"
    connect(
        monkeypatch, {"PROMETHEUS_DEFAULT": {"conn_type": "http", "host": host, "login": "me", "password": "hush-7"}}
    )
    found = collect({"pod": "app"}, queries=[Query("up", "Up", "up")])
    [problem] = found.result["problems"]
    assert "does not answer" in problem
    assert "pods/app.yaml" in found.files
    assert "hush-7" not in "".join(found.files.values())


@pytest.mark.parametrize(
    "value",
    [
        '"',
        '"} or up{x="',
        "\\",
        '\\"',
        "a\nb",
        "`",
        "$labels",
        "{{ 7 }}",
        "ž\u2028\U0001f600",
        "\x7f",
        "|.*",
        "\t",
        "#",
    ],
)
def test_the_real_parser_sees_one_string(prometheus, value):
    """Whatever a label holds, it matches itself or nothing: never everything."""
    for text in (matchers({"service": value}), matchers({}, {"service": [value]})):
        answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": f"up{{{text}}}"})
        assert (answer.status_code, answer.json()["data"]["result"]) == (200, [])
    mine = _answers(prometheus, f"up{{{matchers({}, {'service': [SERVICE, value]})}}}")
    assert len(mine) == 1
