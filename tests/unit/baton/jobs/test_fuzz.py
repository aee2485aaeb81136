"""Whatever stands in a job file: a named error or a DAG, never a crash, and never another job lost."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.baton.jobs.test_dags import EVERY_KIND

from baton.jobs.dags import try_all
from baton.jobs.reading import read_jobs

GOOD = "name: Neighbour\nsteps:\n  - {query: SELECT 1, connection: shop}\n"
BASE = yaml.safe_load(EVERY_KIND.replace("{n:", '{"n":')) | {
    "timezone": "Europe/Prague", "deadline": "1h", "timeout": "10m", "tags": ["area/jobs"],
    "input": {"day": {"type": "string", "default": "2026-01-01"}},
}  # fmt: skip
ODD = [
    *("{{", "{{ rows", "{% for %}", "{{ rows }}", "{{ x.__class__ }}", "emit(", "emit(X)", 'skip("', "9" * 99, "0s"),
    *("@every 1h", "60 * * * *", "1 time", "3 times with", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00Z", "\x00"),
    *("SELECT :a::text", "SELECT ':x'", "GET /{}", "GET /{a}{a}", "critical", "../..", "366d", "999999999h", "[1", "é"),
]
"""Texts that are nearly right."""
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(max_size=30),
    st.sampled_from(ODD),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["query", "call", "do", "as", "with", "on_fail", "timeout", "steps", "for_each", "n", ""])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something could be changed."""
    found = [path] if path else []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in children:
        found += places(inner, (*path, key))
    return found


PLACES = places(BASE)


@st.composite
def changed(draw: st.DrawFn) -> str:
    """A job of every kind of step with some things in it changed, left out, added or doubled."""
    content = copy.deepcopy(BASE)
    for _ in range(draw(st.integers(1, 3))):
        *path, key = draw(st.sampled_from(PLACES))
        holder: Any = content
        try:
            for part in path:
                holder = holder[part]
            how = draw(st.sampled_from(["value", "gone", "added", "text"]))
            if how == "value":
                holder[key] = draw(VALUES)
            elif how == "gone":
                del holder[key]
            elif how == "added" and isinstance(holder, dict):
                holder[draw(KEYS | st.text(max_size=6))] = draw(VALUES)
            else:
                holder[key] = f"{holder[key]}{draw(st.text(max_size=5))}"
        except (KeyError, IndexError, TypeError):
            continue
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


@st.composite
def cut(draw: st.DrawFn) -> str:
    """The text of a job with a part of it gone, or something else in it."""
    at, length = draw(st.integers(0, len(EVERY_KIND))), draw(st.integers(0, 60))
    return EVERY_KIND[:at] + draw(st.text(max_size=10)) + EVERY_KIND[at + length :]


FILES = changed() | cut() | st.text(max_size=200)


def check(folder: Path, text: str) -> None:
    file = folder / "fuzzed.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    (folder / "neighbour.yaml").write_text(GOOD)
    read = read_jobs([folder])
    assert "Neighbour" in read.jobs or "Neighbour" in text
    problems = [*read.problems, *try_all(read)]
    for problem in problems:
        assert problem.message
        assert "Traceback" not in str(problem)
    own = [job for job in read.jobs.values() if job.file == file]
    assert own or problems or says_nothing(text)


def says_nothing(text: str) -> bool:
    """Whether it is empty, to YAML."""
    try:
        return all(document is None for document in yaml.safe_load_all(text))
    except (yaml.YAMLError, ValueError):
        return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files are."""
    return tmp_path_factory.mktemp("jobs")


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=FILES)
def test_any_file_is_a_named_error_or_a_dag(folder, text):
    """Some hundreds of files."""
    check(folder, text)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=FILES)
def test_ten_thousand_files_are_named_errors_or_dags(folder, text):
    """Ten thousand."""
    check(folder, text)
