"""The examples for real senders: checked by the senders' own tools, and against the project's routes."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from baton.alerts.conf import Alert
from baton.alerts.routes import read_routes
from baton.alerts.senders import ENDPOINTS

PROJECT = Path(__file__).parents[3]
FOLDER = PROJECT / "include" / "manifests" / "alerting"


@pytest.mark.parametrize(
    ("command", "succeeds"),
    [
        (["promtool", "check", "rules", "rules.yaml"], "2 rules found"),
        (["promtool", "test", "rules", "rules_test.yaml"], "SUCCESS"),
        (["promtool", "check", "rules", "jobs.yaml"], "4 rules found"),
        (["promtool", "test", "rules", "jobs_test.yaml"], "SUCCESS"),
        (["promtool", "check", "config", "prometheus.yaml"], "is valid prometheus config"),
        (["amtool", "check-config", "alertmanager.yaml"], "2 receivers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_senders_own_tools_accept_the_examples(command: list[str], succeeds: str) -> None:
    """promtool also plays the rules on series and sees them fire."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed (Debian: prometheus, prometheus-alertmanager)")
    done = subprocess.run(command, cwd=FOLDER / "prometheus", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert succeeds in done.stdout + done.stderr


def rules(path: str) -> dict[str, Any]:
    """Alert rules of a file or an object, by name."""
    documents = list(yaml.safe_load_all((FOLDER / path).read_text()))
    groups = [group for document in documents for group in document.get("spec", document).get("groups", [])]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def test_operators_rule_is_the_same_rule() -> None:
    """Two copies of one expression would drift apart."""
    for name, rule in rules("prometheus-operator/alertmanagerconfig.yaml").items():
        assert rule == rules("prometheus/rules.yaml")[name]


@pytest.mark.parametrize(("name", "field"), [("HighErrorRate", "service"), ("KubePodCrashLooping", "pod")])
def test_projects_routes_take_what_the_rules_fire(name: str, field: str) -> None:
    """Else the example would end in "no route"."""
    routes = read_routes((PROJECT / "include" / "alerts" / "routes.yaml").read_text())
    labels = {"alertname": name, "namespace": "shop", field: "api-1"}
    alert = Alert("alertmanager", "", "firing", "f", "2026-11-22T08:00:00Z", labels=labels)
    [route] = routes.matching(alert)
    assert route.dag_id == "collect_diagnostics"
    assert route.target_of(alert) == {"namespace": "shop", field: "api-1"}


def test_addresses_are_the_receivers() -> None:
    """Each example posts to one of its endpoints, and names no token."""
    texts = [path.read_text() for path in FOLDER.rglob("*.yaml")]
    found = {word.rpartition("/")[2] for text in texts for word in text.split() if "/alerts/v1/" in word}
    assert found
    assert found <= set(ENDPOINTS)
