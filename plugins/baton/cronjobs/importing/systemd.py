"""systemd's timers and their services as CronJobs, for the same report, and to be written as manifests.

Only what five fields of cron say exactly is taken; a timer that means more (seconds, years, the last day, a weekday
that is a certain day of the month as well) is told, and so is what starts after a boot.
Source: systemd.time(7), systemd.timer(5), systemd.service(5).
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from baton.cronjobs.importing.foreign_jobs import JobsRead, cronjob_content, free_name
from baton.cronjobs.manifests.files import Manifest, Problem
from baton.cronjobs.manifests.yaml_documents import Document

_SHORT = {
    "minutely": "* * * * *", "hourly": "0 * * * *", "daily": "0 0 * * *", "weekly": "0 0 * * 1", "monthly": "0 0 1 * *",
    "quarterly": "0 0 1 1,4,7,10 *", "semiannually": "0 0 1 1,7 *", "yearly": "0 0 1 1 *", "annually": "0 0 1 1 *",
}  # fmt: skip
_EXPRESSION = re.compile(
    r"(?:(?P<days>(?:[A-Z][a-z]{2,8}(?:\.\.|,)?)+)(?:\s+|$))?"
    r"(?:(?:(?P<year>\*|[0-9]{4})-)?(?P<month>[\d*,./]+)-(?P<day>[\d*,./]+)\s*)?"
    r"(?:(?P<hour>[\d*,./]+):(?P<minute>[\d*,./]+)(?::(?P<second>[\d*,./]+))?)?"
    r"(?:\s*(?P<zone>UTC|[A-Z]\w+/[\w/+-]+))?"
)
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LAST = {"minute": 59, "hour": 23, "day": 31, "month": 12}
_FROM_BOOT = ("OnBootSec", "OnStartupSec", "OnActiveSec", "OnUnitActiveSec", "OnUnitInactiveSec")
_PREFIXES = "-@:+!"
_SPECIFIER = re.compile(r"%[A-Za-z]")


class CalendarError(ValueError):
    """A time that cron's fields cannot say."""


def cron_of(calendar: str) -> tuple[str, str | None]:
    """An `OnCalendar=` as five fields and a time zone.

    :raises CalendarError: it says more than they can, or nothing.
    """
    text = calendar.strip()
    if text.lower() in _SHORT:
        return _SHORT[text.lower()], None
    found = _EXPRESSION.fullmatch(text)
    if found is None or not text:
        raise CalendarError(f"{text!r} is no time that cron's five fields can say")
    given = found.groupdict()
    if given["year"] not in (None, "*") or given["second"] not in (None, "0", "00"):
        raise CalendarError(f"{text!r} names a year or seconds, which cron does not know")
    weekdays = _weekdays(given["days"]) if given["days"] else "*"
    fields = {name: _field(given[name], name) for name in ("minute", "hour", "day", "month")}
    if given["hour"] is None:
        fields |= {"minute": "0", "hour": "0"}
    if weekdays != "*" and fields["day"] != "*":
        raise CalendarError(f"{text!r} means a weekday and a day of the month at once, of which cron takes either")
    return " ".join((fields["minute"], fields["hour"], fields["day"], fields["month"], weekdays)), given["zone"]


def _weekdays(text: str) -> str:
    def number(name: str) -> int:
        short = name[:3].lower()
        if short not in _DAYS:
            raise CalendarError(f"{name!r} is no weekday")
        return _DAYS.index(short)

    days: list[int] = []
    for part in text.strip(",").split(","):
        low, _, high = part.partition("..")
        first, last = number(low), number(high or low)
        days += [(first + step) % 7 for step in range((last - first) % 7 + 1)]
    return ",".join(map(str, dict.fromkeys(days)))


def _field(text: str | None, name: str) -> str:
    if text is None:
        return "*"
    return ",".join(part for item in text.split(",") for part in _items(item, name))


def _items(item: str, name: str) -> Iterator[str]:
    span, _, step = item.partition("/")
    low, _, high = span.partition("..")
    if low == "*" and not step:
        yield "*"
    elif low == "*" and step.isdigit():
        yield f"*/{step}"
    elif not low.isdigit() or (high and not high.isdigit()) or (step and not step.isdigit()):
        raise CalendarError(f"{item!r} is no {name}")
    elif step:
        yield from map(str, range(int(low), int(high or _LAST[name]) + 1, max(1, int(step))))
    else:
        yield f"{int(low)}-{int(high)}" if high else str(int(low))


def read_timers(folder: Path, image: str) -> JobsRead:
    """Make a CronJob of each `OnCalendar=` of the timers in a folder, with what its service runs."""
    read, taken = JobsRead(), set[str]()
    for timer in sorted(folder.rglob("*.timer")):
        settings = _settings(timer)
        unit = (settings.get("Unit") or [(0, f"{timer.stem}.service")])[-1][1]
        service = timer.with_name(unit)
        for key in _FROM_BOOT:
            for line, _ in settings.get(key, []):
                read.problems.append(
                    Problem(str(timer), line, key, "is no time on the clock: Kubernetes starts nothing for it")
                )
        if not service.is_file():
            read.problems.append(Problem(str(timer), None, "Unit", f"there is no {unit} beside it"))
            continue
        for line, calendar in settings.get("OnCalendar", []):
            try:
                content = _content(calendar, service, image, free_name(timer.stem, taken))
            except CalendarError as err:
                read.problems.append(Problem(str(timer), line, "OnCalendar", str(err)))
            else:
                read.manifests.append(Manifest(str(timer), Document(content, "", line - 1), content))
    return read


def _content(calendar: str, service: Path, image: str, name: str) -> dict[str, Any]:
    schedule, zone = cron_of(calendar)
    settings = _settings(service)
    commands = [
        text.lstrip(_PREFIXES)
        for key in ("ExecStartPre", "ExecStart", "ExecStartPost")
        for _, text in settings.get(key, [])
    ]
    if not commands:
        raise CalendarError(f"{service.name} has no ExecStart")
    if unknown := next((found for text in commands if (found := _SPECIFIER.search(text))), None):
        raise CalendarError(f"{service.name} has {unknown.group()}, which systemd fills in")
    variables = [word.partition("=") for _, text in settings.get("Environment", []) for word in shlex.split(text)]
    return cronjob_content(
        name,
        schedule,
        image,
        shlex.split(commands[0]) if len(commands) == 1 else ["/bin/sh", "-ec", "\n".join(commands)],
        variables={key: value for key, _, value in variables},
        zone=zone,
        folder=next((text for _, text in settings.get("WorkingDirectory", [])), None),
    )


def _settings(file: Path) -> dict[str, list[tuple[int, str]]]:
    """Each setting of a unit with its lines and values; an empty one takes those before it back."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    begun, kept = 0, ""
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if line.lstrip().startswith(("#", ";")):
            continue
        begun, kept = begun or number, kept + line
        if kept.endswith("\\"):
            kept = kept[:-1] + " "
            continue
        key, equals, value = kept.partition("=")
        if equals and value.strip():
            found[key.strip()].append((begun, value.strip()))
        elif equals:
            found[key.strip()].clear()
        begun, kept = 0, ""
    return found
