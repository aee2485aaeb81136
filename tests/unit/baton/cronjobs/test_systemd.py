"""systemd's timers become CronJobs where five fields say exactly what they mean; the others are told."""

import pytest

from baton.cronjobs.importing.command import main
from baton.cronjobs.importing.systemd import CalendarError, cron_of, read_timers
from kubernetes_cron import parse


@pytest.mark.parametrize(
    ("calendar", "cron"),
    [
        ("daily", "0 0 * * *"),
        ("weekly", "0 0 * * 1"),
        ("quarterly", "0 0 1 1,4,7,10 *"),
        ("*-*-* 03:15:00", "15 3 * * *"),
        ("03:15", "15 3 * * *"),
        ("*:0/15", "0,15,30,45 * * * *"),
        ("*:5/20", "5,25,45 * * * *"),
        ("Mon..Fri 02:00", "0 2 * * 1,2,3,4,5"),
        ("Sat,Sun *-*-* 10:30", "30 10 * * 6,0"),
        ("Sat..Mon 10:30", "30 10 * * 6,0,1"),
        ("Monday 10:30", "30 10 * * 1"),
        ("*-*-01 04:00", "0 4 1 * *"),
        ("*-01,07-1..7 04:00", "0 4 1-7 1,7 *"),
        ("*-*-* 02,14:00:00", "0 2,14 * * *"),
        ("*-*-* *:*:00", "* * * * *"),
        ("*-*-1/10", "0 0 1,11,21,31 * *"),
        ("Mon", "0 0 * * 1"),
    ],
)
def test_calendar_is_five_fields(calendar, cron):
    """As systemd.time(7) explains it."""
    assert cron_of(calendar) == (cron, None)
    parse(cron)


def test_calendar_may_name_a_zone():
    """As its last word."""
    assert cron_of("*-*-* 03:00 Europe/Prague") == ("0 3 * * *", "Europe/Prague")
    assert cron_of("03:00 UTC") == ("0 3 * * *", "UTC")


@pytest.mark.parametrize(
    "calendar",
    [
        "*:*:0/30",
        "2026-01-01 00:00",
        "*-*~1",
        "Mon *-*-1..7 03:00",
        "*-*-* 03:00:30",
        "",
        "whenever",
        "Foo 03:00",
        "*-*-a 03:00",
    ],
)
def test_what_cron_cannot_say_is_refused(calendar):
    """Nearly the same time would be another one."""
    with pytest.raises(CalendarError):
        cron_of(calendar)


def test_timer_runs_what_its_service_runs(tmp_path, capsys):
    """Command, variables and folder are the service's; the name is the timer's."""
    (tmp_path / "etl.timer").write_text(
        "[Timer]\nOnCalendar=\nOnCalendar=03:15\nOnCalendar=*-*-01 05:00\nOnBootSec=5min\n"
    )
    (tmp_path / "etl.service").write_text(
        "[Service]\nEnvironment=A=1 'B=two words'\nWorkingDirectory=/srv\nExecStart=-/opt/etl run \\\n  --all \"x y\"\n"
    )
    (tmp_path / "alone.timer").write_text("[Timer]\nOnCalendar=daily\n")
    (tmp_path / "other.timer").write_text("[Timer]\nOnCalendar=*:*:0/30\nUnit=etl.service\n")
    read = read_timers(tmp_path, "app:1")
    assert [(each.name, each.line, each.spec["schedule"]) for each in read.manifests] == [
        ("etl", 3, "15 3 * * *"),
        ("etl-2", 4, "0 5 1 * *"),
    ]
    container = read.manifests[0].spec["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert container == {
        "name": "run",
        "image": "app:1",
        "command": ["/opt/etl", "run", "--all", "x y"],
        "workingDir": "/srv",
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "two words"}],
    }
    assert [(problem.path, problem.line) for problem in read.problems] == [
        ("Unit", None),
        ("OnBootSec", 5),
        ("OnCalendar", 2),
    ]
    assert main(["--systemd", str(tmp_path), "--image", "app:1"]) == 1
    assert "2 CronJobs become 2 DAGs, 0 are refused." in capsys.readouterr().out
