"""Watches: where they begin, what they tell on the way, how they end."""

from __future__ import annotations

import json

import pytest
from kubernetes.client import CoreV1Api

pytestmark = pytest.mark.timeout(60)


def _watch(core, namespace, **options):
    """Everything a watch of config maps tells until it ends."""
    response = core.list_namespaced_config_map(namespace, watch=True, _preload_content=False, **options)
    return [json.loads(line) for line in response.read().splitlines()]


def _told(events):
    return [(event["type"], event["object"]["metadata"].get("name")) for event in events]


def _create(place, name, **labels):
    return place.core.create_namespaced_config_map(place.name, {"metadata": {"name": name, "labels": labels}})


def test_initial_events_end_with_a_bookmark(local_kubernetes):
    """What client-go's streaming lists wait for."""
    _create(local_kubernetes, "a")

    events = _watch(
        local_kubernetes.core, local_kubernetes.name, timeout_seconds=1, send_initial_events=True,
        resource_version_match="NotOlderThan", allow_watch_bookmarks=True, resource_version="0",
    )  # fmt: skip

    assert _told(events) == [("ADDED", "a"), ("ADDED", "kube-root-ca.crt"), ("BOOKMARK", None)]
    assert events[2]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_bookmark_tells_the_version_shortly_before_the_end(local_kubernetes):
    """A client that asked for bookmarks can go on from there, though nothing it watches has changed."""
    version = _create(local_kubernetes, "a").metadata.resource_version
    newer = _create(local_kubernetes, "b").metadata.resource_version

    events = _watch(
        local_kubernetes.core, local_kubernetes.name, timeout_seconds=3, resource_version=version,
        allow_watch_bookmarks=True, label_selector="none=such",
    )  # fmt: skip

    assert _told(events) == [("BOOKMARK", None)]
    assert int(events[0]["object"]["metadata"]["resourceVersion"]) >= int(newer)


def test_a_watch_tells_changes_as_the_selector_sees_them(local_kubernetes):
    """What begins to fit is ADDED, what fits no longer is DELETED."""
    place = local_kubernetes
    version = _create(place, "a", x="1").metadata.resource_version
    for labels in ({"x": "2"}, {"y": None}, {"x": "1"}):
        place.core.patch_namespaced_config_map("a", place.name, {"metadata": {"labels": labels}})
    place.core.delete_namespaced_config_map("a", place.name)

    events = _watch(place.core, place.name, timeout_seconds=1, resource_version=version, label_selector="x=1")

    assert _told(events) == [("DELETED", "a"), ("ADDED", "a"), ("DELETED", "a")]


def test_after_a_restart_old_versions_are_gone_and_open_watches_leave_no_complaint(own_server):
    """410 tells the client to list again; the server's end is orderly also with watches open."""
    with own_server.client() as client:
        core = CoreV1Api(client)
        core.create_namespaced_config_map("own", {"metadata": {"name": "a"}})
        lines = core.list_namespaced_config_map(
            "own", watch=True, field_selector="metadata.name=a", _preload_content=False
        ).stream()
        assert b"ADDED" in next(lines)  # the watch is open
        own_server.stop()
        assert b"".join(lines) == b""
        own_server.start()
        [event] = _watch(core, "own", timeout_seconds=5, resource_version="1")

    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert "Task was destroyed" not in (own_server.directory / "server.log").read_text()
