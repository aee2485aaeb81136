"""The interface between the receiver and the DAGs that alerts start."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from baton.alerts.conf import MAX_OTHERS, TEXT_LENGTH, Alert, AlertConf, AlertConfError, make_conf, read_conf

ALERT = Alert(
    source="alertmanager",
    route="crash-loops",
    status="firing",
    fingerprint="d1f0a5b2c3d4e5f6",
    starts_at="2026-11-22T08:00:00.123456+00:00",
    labels={"alertname": "CrashLoop", "namespace": "shop"},
    annotations={"summary": "shop/api restarts"},
)
texts = some.dictionaries(some.text(max_size=8), some.text(max_size=8), max_size=6)


def test_what_is_built_can_be_read() -> None:
    """The reader gives back what the builder was given."""
    other = replace(ALERT, fingerprint="other")
    conf = make_conf(ALERT, {"namespace": "shop"}, [other])
    assert read_conf(json.loads(json.dumps(conf))) == AlertConf(ALERT, {"namespace": "shop"}, [other])


@settings(deadline=None, max_examples=60)
@given(labels=texts, target=texts, times=some.sampled_from([1, 30, 3000]))
def test_any_text_is_made_to_fit(labels: dict[str, str], target: dict[str, str], times: int) -> None:
    """No label is so long or so odd that the reader, or a database, would refuse what the builder made of it."""
    labels = {name * times + str(number): text * times for name, text in labels.items() for number in range(20)}
    conf = make_conf(replace(ALERT, labels=labels, group_key="\x00" * times), target)
    read_conf(conf)
    json.dumps(conf, ensure_ascii=False).encode()


def test_long_text_shows_that_it_was_cut() -> None:
    """A cut text ends with an ellipsis, which no name may hold."""
    conf = read_conf(make_conf(ALERT, {"name": "a" * (TEXT_LENGTH + 1)}))
    assert conf.text("name").endswith("a…")
    with pytest.raises(AlertConfError):
        conf.object_name("name")


def test_storm_names_no_more_than_its_limit() -> None:
    """The table of decisions has the rest."""
    assert len(read_conf(make_conf(ALERT, {}, [ALERT] * (MAX_OTHERS + 5))).others) == MAX_OTHERS


@pytest.mark.parametrize(
    "text",
    ["", "a b", "$(reboot)", "../etc", "{{ 1 }}", "A", "-a", "a-", "a\n", "a/b", "ä", "a" * 254, "a;b", "a'", "--all"],
)
def test_label_is_no_shell_word_path_or_template(text: str) -> None:
    """What is asked for as a name is a name, or the run fails."""
    conf = AlertConf(ALERT, {"namespace": text})
    with pytest.raises(AlertConfError, match=r"target\.namespace"):
        conf.object_name("namespace")
    with pytest.raises(AlertConfError, match=r"target\.namespace"):
        conf.label_name("namespace")


def test_names_are_given_back() -> None:
    """A subdomain may have dots, a label may not."""
    conf = AlertConf(ALERT, {"name": "web-1.example", "namespace": "shop-2", "kind": "Deployment"})
    assert conf.object_name("name") == "web-1.example"
    assert conf.label_name("namespace") == "shop-2"
    assert conf.choice("kind", ["Deployment", "Pod"]) == "Deployment"
    with pytest.raises(AlertConfError, match="not one of: Pod"):
        conf.choice("kind", ["Pod"])


def edited(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    conf = make_conf(ALERT, {})
    change(conf)
    return conf


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        (None, "no conf.alert"),
        ({"alert": "text"}, "not an alert"),
        (edited(lambda conf: conf["alert"].update(extra=1)), "not an alert"),
        (edited(lambda conf: conf["alert"].update(starts_at="yesterday")), "no ISO 8601 time"),
        (edited(lambda conf: conf["alert"]["labels"].update(pod=7)), "labels.pod must be a text"),
        (edited(lambda conf: conf.update(target=["a"])), "target must be"),
        (edited(lambda conf: conf.update(others="all")), "others must be a list"),
        (edited(lambda conf: conf["target"].update(name="\x00")), "without control characters"),
    ],
)
def test_conf_of_another_form_is_refused(conf: dict[str, Any] | None, message: str) -> None:
    """A conf typed by hand is checked as strictly as one that an alert brought."""
    with pytest.raises(AlertConfError, match=message):
        read_conf(conf)
