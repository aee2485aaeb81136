"""Time zones by name, refused as kube-apiserver refuses them."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from .errors import TimeZoneError

_PART = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")
_EXPLICIT = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"


def load_zone(name: str) -> ZoneInfo:
    """The zone of a CronJob's ``timeZone``.

    :raises TimeZoneError: empty, ``Local`` in any case of letters, or not in the database.
    Source: ``validateTimeZone`` in kubernetes/kubernetes ``pkg/apis/batch/validation``.
    """
    if not name:
        raise TimeZoneError("timeZone must be nil or non-empty string")
    unknown = TimeZoneError(f"unknown time zone {name}")
    if not all(_is_name(part) for part in name.split("/")):
        raise unknown
    if name.lower() == "local":
        raise TimeZoneError(_EXPLICIT)
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as err:  # a folder, a file that is no zone, no such zone
        raise unknown from err


def _is_name(part: str) -> bool:
    return part not in (".", "..") and not part.startswith("-") and _PART.fullmatch(part) is not None
