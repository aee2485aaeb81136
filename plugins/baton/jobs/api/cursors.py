"""Cursors: where the next page begins, as a text that callers hand back and need not understand."""

from __future__ import annotations

import base64
import binascii

from baton.jobs.api.problems import ApiError


def cursor_of(place: str) -> str:
    """The cursor of a place."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str | None) -> str | None:
    """The place of a cursor; None without one.

    :raises ApiError: 422 it is none of ours.
    """
    if cursor is None:
        return None
    try:
        place = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as err:
        raise ApiError(422, "cursor: hand back next_cursor of the page before as it is") from err
    if "\x00" in place:
        raise ApiError(422, "cursor: hand back next_cursor of the page before as it is")
    return place


def number_of(cursor: str | None) -> int | None:
    """The number that a cursor holds.

    :raises ApiError: 422 it holds none.
    """
    place = place_of(cursor)
    if place is None:
        return None
    if not (place.isascii() and place.isdigit() and len(place) < 10):
        raise ApiError(422, "cursor: it belongs to another list")
    return int(place)
