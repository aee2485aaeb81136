"""The data files of incidents: read, checked, refused with the place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from baton.incidents.checked_file import IncidentsFileError
from baton.incidents.diagnostics_file import read_evidence
from baton.incidents.healing.rules import Signs
from baton.incidents.healing_file import read_rules

INCIDENTS = Path(__file__).parents[4] / "include" / "incidents"
RULE = {
    "name": "r",
    "namespaces": ["shop"],
    "selector": {
        "matchLabels": {"heal": "yes"},
        "matchExpressions": [{"key": "tier", "operator": "In", "values": ["1"]}],
    },
    "unhealthy": {"not_ready_for": "1h30m"},
    "at_most": 1,
    "within": "2h",
}


@pytest.fixture
def write(tmp_path):
    """Writes a file."""

    def file(content):
        path = tmp_path / "file.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return file


def test_the_projects_own_files_are_read():
    """Names are the ones that docs and routes use."""
    evidence = read_evidence(INCIDENTS / "diagnostics.yaml")
    assert [query.name for query in evidence.queries] == ["cpu", "memory", "restarts", "requests"]
    assert {dump.name for dump in evidence.dumps} == {"processes", "java-threads", "python-stacks"}
    assert [rule.name for rule in read_rules(INCIDENTS / "healing.yaml")] == ["crash-loops", "stuck-pods"]


def test_a_rule_is_read(write):
    """Lengths of time and the selector in their forms."""
    [rule] = read_rules(write({"rules": [RULE]}))
    assert rule.selector == "heal=yes,tier in (1)"
    assert rule.signs == Signs(not_ready_for=timedelta(minutes=90))
    assert (rule.within, rule.stable_for) == (timedelta(hours=2), timedelta(seconds=30))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"selector": {}}, "rules.0.selector"),
        ({"selector": {"matchLabels": {}}}, "rules.0.selector.matchLabels"),
        ({"namespaces": []}, "rules.0.namespaces"),
        ({"namespaces": ["*"]}, "rules.0.namespaces.0"),
        ({"unhealthy": {}}, "rules.0.unhealthy"),
        ({"unhealthy": {"crash": True}}, "crash"),
        ({"within": "soon"}, "rules.0.within"),
        ({"kinds": ["Job"]}, "rules.0.kinds.0"),
        ({"action": "reboot"}, "rules.0.action"),
        ({"at_most": -1}, "rules.0.at_most"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(write, change, words):
    """The message names the field."""
    with pytest.raises(IncidentsFileError, match=words):
        read_rules(write({"rules": [RULE | change]}))


@pytest.mark.parametrize(
    "content", ["{", "rules: [1]", "nothing", {"rules": [RULE, RULE]}], ids=["no yaml", "number", "text", "twice"]
)
def test_what_is_no_file_of_rules_is_refused(write, content):
    """Also two rules of one name."""
    with pytest.raises(IncidentsFileError, match=r"file\.yaml"):
        read_rules(write(content))
