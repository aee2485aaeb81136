"""A crontab's lines become CronJobs, with the same report as manifests; nothing that it does not say is guessed."""

from pathlib import Path

import pytest

from baton.cronjobs.importing.command import main
from baton.cronjobs.importing.crontab import read_crontab
from baton.cronjobs.loading import load_cronjobs
from kubernetes_cron import parse

CRONTAB = """\
# m h dom mon dow command
SHELL=/bin/bash
PATH = "/usr/local/bin:/usr/bin"
MAILTO=ops@example.com
CRON_TZ=Europe/Prague

15 1 * * *   /opt/etl/export.sh --to s3://raw/orders
@daily cd /srv && python3 -m load_orders >> /var/log/load.log 2>&1
0 4 * * 5-7  /opt/etl/export.sh
30 5 1 * *   mail -s "5\\% off" team%first line%second 100\\% line
@reboot /opt/start
no line
"""


def of(text, file="crontab"):
    return read_crontab(Path(file), text, "app:1")


def test_each_line_is_a_cronjob(tmp_path):
    """With the crontab's variables and zone, in the image that was given."""
    read = of(CRONTAB)
    specs = [manifest.spec for manifest in read.manifests]
    assert [(each.name, each.line) for each in read.manifests] == [
        ("export", 7),
        ("load-orders", 8),
        ("export-2", 9),
        ("mail", 10),
    ]
    assert [spec["schedule"] for spec in specs] == ["15 1 * * *", "@daily", "0 4 * * 5,6,0", "30 5 1 * *"]
    assert {spec["timeZone"] for spec in specs} == {"Europe/Prague"}
    containers = [spec["jobTemplate"]["spec"]["template"]["spec"]["containers"][0] for spec in specs]
    assert {container["image"] for container in containers} == {"app:1"}
    assert containers[0]["command"] == ["/bin/bash", "-c", "/opt/etl/export.sh --to s3://raw/orders"]
    assert containers[0]["env"] == [{"name": "PATH", "value": "/usr/local/bin:/usr/bin"}]
    assert containers[3]["command"][2] == "printf '%s\\n' 'first line' 'second 100% line' | mail -s \"5% off\" team"
    assert [(problem.line, problem.message.split(":")[0]) for problem in read.problems] == [
        (11, "has no time on the clock"),
        (12, "is no line of a crontab"),
    ]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("7", "0"),
        ("0", "0"),
        ("1-5", "1-5"),
        ("1-7", "1,2,3,4,5,6,0"),
        ("1-7/2", "1,3,5,0"),
        ("6,7", "6,0"),
        ("mon-fri", "mon-fri"),
        ("*/2", "*/2"),
    ],
)
def test_sunday_is_zero(days, expected):
    """Kubernetes knows no day 7."""
    [manifest] = of(f"0 1 * * {days} /bin/x-y\n").manifests
    assert manifest.spec["schedule"] == f"0 1 * * {expected}"
    parse(manifest.spec["schedule"])


def test_lines_of_the_system_name_a_user():
    """In cron.d, and nowhere else."""
    [manifest] = of("0 1 * * * root /opt/x.sh\n", "/etc/cron.d/x").manifests
    assert manifest.spec["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"][2] == "/opt/x.sh"
    [manifest] = of("0 1 * * * root /opt/x.sh\n").manifests
    assert manifest.spec["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"][2] == "root /opt/x.sh"


def test_report_and_manifests_are_made_of_it(tmp_path, capsys):
    """What was written is what was reported."""
    file = tmp_path / "crontab"
    file.write_text("0 1 * * * /opt/export --output s3://raw/a\n0 2 * * * /opt/load --input s3://raw/a\n")
    assert main(["--crontab", str(file), "--image", "app:1", "--write", str(tmp_path / "out")]) == 0
    output = capsys.readouterr().out
    assert f"{file}:2: CronJob load → DAG load" in output
    assert "load after export (98% sure)" in output
    assert list(load_cronjobs([tmp_path / "out"]).cronjobs) == ["export", "load"]


@pytest.mark.parametrize("words", [["--crontab", "x"], ["--image", "a"], ["--crontab", "none", "--image", "a"]])
def test_nothing_is_guessed_of_the_image(tmp_path, capsys, words):
    """Nor of a file that is not there."""
    assert main(words) == 2
