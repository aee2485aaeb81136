"""Whatever Airflow does not promise is touched behind one door, and has a section in docs/airflow-internals.md."""

import pytest
from tests.unit.baton.airflow_internals import scan
from tests.unit.baton.airflow_internals.contract import FIELDS, PAGE, PROJECT, Touch, read_touches

pytestmark = pytest.mark.filterwarnings("ignore:Using `httpx`")  # Airflow's own, when its API server is imported
TOUCHES = read_touches()
STANDARD = {"_asdict", "_exit"}
"""Private by their name, and documented by Python."""


@pytest.fixture(scope="module")
def imports():
    """All imports of what is not promised."""
    return sorted(set(scan.imports()))


@pytest.fixture(scope="module")
def inherited():
    """All that subclasses take from Airflow's classes without a promise."""
    return sorted(set(scan.inherited()))


def is_documented(use, touches=TOUCHES):
    """Whether a section that names our module has a line for it."""
    return any((use.module, use.name) in touch.names for touch in touches if use.ours in touch.ours)


def test_only_the_door_imports_what_is_not_promised(imports):
    """Also within functions, and by a module's name in a text."""
    assert imports
    assert [str(use) for use in imports if not use.ours.startswith(f"{scan.DOOR}.")] == []


def test_each_import_has_a_section(imports):
    """With a line for each name, and for each attribute of it that is named."""
    assert [str(use) for use in imports if not is_documented(use)] == []


def test_each_override_has_a_section(inherited):
    """A provider's operator is public in what it does, not in its methods."""
    assert inherited
    assert [str(use) for use in inherited if not is_documented(use)] == []


def test_private_attributes_are_read_behind_the_door_and_have_a_section():
    """By their name alone: whose they are cannot be seen."""
    found = [use for use in scan.private_reads() if use.name not in STANDARD]
    assert found
    lines = {line.partition("(")[0].rpartition(".")[2] for touch in TOUCHES for line in touch.lines}
    assert [str(use) for use in found if not use.ours.startswith(f"{scan.DOOR}.") or use.name not in lines] == []


def test_each_module_of_the_door_has_a_section():
    """And each section names modules that exist."""
    names = {f"{scan.DOOR}.{file.stem}" for file in (PROJECT / "plugins/baton/airflow_internals").glob("[a-z]*.py")}
    ours = set().union(*(touch.ours for touch in TOUCHES))
    assert names - ours == set()
    assert ours - names - {name for name, _ in scan.files()} == set()


def test_no_section_outlives_its_touch(imports, inherited):
    """Of each section something is used, by each module that it names."""
    used = {(use.ours, use.module) for use in [*imports, *inherited]}
    without_import = {"refused-deferral", "private-attributes"}  # they get what they touch, and import nothing
    stale = [
        f"{touch.name}: {ours}"
        for touch in TOUCHES
        for ours in touch.ours
        if touch.name not in without_import and not any((ours, module) in used for module, _ in touch.names)
    ]
    assert stale == []


def test_no_line_outlives_its_touch():
    """The last name of each line stands in a module that the section names, or is passed by a name there."""
    sources = {ours: file.read_text() for ours, file in scan.files()}
    stale = [
        f"{touch.name}: {line}"
        for touch in TOUCHES
        for line, last in ((line, line.partition("(")[0].replace(":", ".").rpartition(".")[2]) for line in touch.lines)
        if not last.startswith("__") and not any(last in sources[ours] for ours in readers(touch))
    ]
    assert stale == []


def readers(touch):
    """The modules of a section, and those that get its names from there."""
    doors = {ours for ours in touch.ours if ours.startswith(f"{scan.DOOR}.")}
    return touch.ours | {ours for ours, file in scan.files() if any(door in file.read_text() for door in doors)}


@pytest.mark.parametrize("touch", TOUCHES, ids=lambda touch: touch.name)
def test_a_section_says_all_that_one_wants_to_know(touch):
    """And names tests that are there."""
    assert tuple(touch.fields) == FIELDS
    assert all(touch.fields.values())
    assert touch.lines
    files = [word for word in touch.fields["Tests"].replace("`", " ").replace(",", " ").split() if "/" in word]
    assert files
    assert [file for file in files if not (PROJECT / file).exists()] == []


def test_names_of_sections_are_told_apart():
    """They are the anchors that messages give."""
    assert len({touch.name for touch in TOUCHES}) == len(TOUCHES)
    assert PAGE.read_text().count("```contract") == len(TOUCHES)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from airflow.models.dagrun import DagRun", [("airflow.models.dagrun", "DagRun")]),
        ("import airflow.models.dagrun", [("airflow.models.dagrun", "")]),
        ("from airflow.models import dagrun", [("airflow.models.dagrun", "")]),
        ("def f():\n    from airflow.models.pool import Pool as P\n    P.pool", [("airflow.models.pool", "Pool"), ("airflow.models.pool", "Pool.pool")]),  # noqa: E501
        ("import importlib\nimportlib.import_module('airflow.models.pool')", [("airflow.models.pool", "")]),
        ("resolve_name('airflow.models.pool:Pool')", [("airflow.models.pool", "Pool")]),
        ("from airflow.sdk import DAG, BaseHook", []),
        ("from airflow.sdk.execution_time.context import TaskStateStoreAccessor", [("airflow.sdk.execution_time.context", "TaskStateStoreAccessor")]),  # noqa: E501
        ("if TYPE_CHECKING:\n    from airflow.models.pool import Pool", []),
        ("from airflow.providers.slack.hooks.slack import SlackHook", []),
        ("from airflow.providers.slack.utils import parse_filename", [("airflow.providers.slack.utils", "parse_filename")]),  # noqa: E501
        ("from airflow.triggers.base import _Hidden", [("airflow.triggers.base", "_Hidden")]),
    ],
)  # fmt: skip
def test_what_counts_as_not_promised(source, found):
    """However it is imported."""
    assert [(use.module, use.name) for use in scan.imports_of("m", source)] == found


def test_an_override_is_seen():
    """Of a provider's operator, and none of what its base offers."""
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    class Ours(KubernetesPodOperator):
        def execute(self, context):
            return self.find_pod("n", context=context)

        def on_kill(self):
            self.log.info("%s", self.name)

    assert [use.name for use in scan.inherited_by(Ours)] == ["KubernetesPodOperator.find_pod"]


def test_a_use_without_a_line_is_told():
    """By another module than the section names, and by another name."""
    [touch] = [touch for touch in TOUCHES if touch.name == "careful-triggerer"]
    known = scan.Use("baton.airflow_internals.abandoned_triggers", "airflow.models.trigger", "Trigger.id")
    assert is_documented(known, [touch])
    assert not is_documented(scan.Use("baton.alerts.service", known.module, known.name), [touch])
    assert not is_documented(scan.Use(known.ours, known.module, "Trigger.other"), [touch])
    assert not is_documented(known, [Touch(touch.name, touch.text.replace("airflow.models.trigger:Trigger.id\n", ""))])
