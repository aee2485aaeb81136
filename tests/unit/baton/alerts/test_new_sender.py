"""A new sender of alerts is one new file."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[4]
CHECKMK = '''
"""Checkmk: one notification is one object with upper-case names."""

from baton.alerts.payloads import BodyError, Post, read_alerts


def read(document):
    """Read a notification."""
    if not isinstance(document, dict) or "HOSTNAME" not in document:
        raise BodyError("the body must be a notification with a HOSTNAME")
    labels = {"alertname": document.get("SERVICEDESC", "host"), "host": document["HOSTNAME"]}
    status = "resolved" if document.get("SERVICESTATE") == "OK" else "firing"
    return read_alerts({"alerts": [{"labels": labels, "status": status}]}, "checkmk")
'''
ROUTES = "{version: 1, routes: [{name: disks, matchers: ['alertname=\"Disk\"'], sources: [checkmk], dag: free_disk}]}"
PROGRAM = f"""
import json, sys
from baton.alerts.payloads import BodyError
from baton.alerts.routes import read_routes
from baton.alerts.senders import ENDPOINTS, read_body

[received] = read_body(b'{{"HOSTNAME": "db1", "SERVICEDESC": "Disk", "SERVICESTATE": "CRIT"}}', "checkmk").received
alert = received.alert
try:
    read_body(b"{{}}", "checkmk")
except BodyError as err:
    said = str(err)
[found] = read_routes({ROUTES!r}).matching(alert)
print(json.dumps([alert.source, alert.labels, alert.status, said, "checkmk" in ENDPOINTS, found.name]))
"""


def test_one_new_file_is_a_sender_that_posts_and_routes_may_name(tmp_path: Path) -> None:
    """Its address, its form and its name in routes come from its file alone."""
    shutil.copytree(PROJECT / "plugins", tmp_path / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "plugins" / "baton" / "alerts" / "senders" / "checkmk.py").write_text(CHECKMK)
    path = f"{tmp_path / 'plugins'}:{PROJECT / 'include'}"
    data = str(PROJECT / "include")
    environment = {"PYTHONPATH": path, "AIRFLOW_HOME": str(tmp_path), "HOME": str(tmp_path), "BATON_DATA_FOLDER": data}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [
        "checkmk",
        {"alertname": "Disk", "host": "db1"},
        "firing",
        "the body must be a notification with a HOSTNAME",
        True,
        "disks",
    ]
