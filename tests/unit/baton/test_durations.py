"""Lengths of time in files that people write."""

from datetime import timedelta

import pytest
import yaml

from baton.durations import DurationError, read_duration
from baton.incidents.checked_file import IncidentsFileError
from baton.incidents.healing_file import read_rules

YEAR = timedelta(days=366)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("90s", 90), ("1h30m", 5400), ("7d", 604800), ("1m1m", 120), ("0" * 40 + "5s", 5)],
)
def test_parts_are_added(text, seconds):
    """In any order, each as often as one likes."""
    assert read_duration(text, YEAR) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "1.5h", "-1s", "1s ", "٣s", "1w", "1s\n", "9" * 5000 + "s", "367d"])
def test_other_texts_are_refused(text):
    """Also those that fit no date, whatever their length."""
    with pytest.raises(DurationError):
        read_duration(text, YEAR)


@pytest.mark.parametrize("text", ["99999999999999d", "٣s"])
def test_a_rule_that_would_wait_for_ever_is_an_error_of_its_file(tmp_path, text):
    """Not an OverflowError while the file is read."""
    rule = {"name": "a", "namespaces": ["shop"], "selector": {"matchLabels": {"a": "b"}}, "at_most": 1, "within": text}
    file = tmp_path / "healing.yaml"
    file.write_text(yaml.safe_dump({"rules": [{**rule, "unhealthy": {"crash_loop": True}}]}))
    with pytest.raises(IncidentsFileError, match=r"healing\.yaml: .*(longer than|no length of time)"):
        read_rules(file)
