"""chains.yaml: what follows what, and what is refused by name."""

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from tests.unit.baton.cronjobs.conftest import cronjob

from baton.cronjobs.chains.chain import Link
from baton.cronjobs.loading import load_cronjobs

JOBS = ("export", "transform", "load", "clean-up")


@pytest.fixture
def folder(write):
    """Four CronJobs of one schedule each."""
    return write("jobs.yaml", *(cronjob(name, schedule=f"0 {hour} * * *") for hour, name in enumerate(JOBS, 1)))


def read(folder, chains):
    (folder / "chains.yaml").write_text(chains if isinstance(chains, str) else yaml.safe_dump({"chains": chains}))
    loaded = load_cronjobs([folder])
    return loaded, [str(problem).replace(f"{folder}/", "") for problem in loaded.problems]


def test_chain_is_read_in_an_order_in_which_it_may_run(folder):
    """Whatever follows nobody is part of it as soon as somebody follows it."""
    jobs = {
        "clean-up": {"after": "load", "when": "always"},
        "load": {"after": ["transform"], "for_each": ["orders", "customers"], "variable": "DATASET"},
        "transform": {"after": "export"},
    }
    loaded, problems = read(folder, {"nightly": {"jobs": jobs}})
    [chain] = loaded.chains
    assert problems == []
    assert (chain.name, chain.handover, chain.roots, list(chain.links)) == ("nightly", "tasks", ["export"], list(JOBS))
    assert chain.links["load"] == Link("load", ("transform",), "all_succeeded", ("orders", "customers"), "DATASET")
    assert chain.links["clean-up"] == Link("clean-up", ("load",), "always")


@pytest.mark.parametrize(
    ("jobs", "problem"),
    [
        (
            {"export": {"after": "load"}, "transform": {"after": "export"}, "load": {"after": "transform"}},
            "is a circle: export is after load is after transform is after export",
        ),
        ({"load": {"after": "load"}}, "is a circle: load is after load"),
        ({"load": {"after": "exprt"}}, "there is no CronJob exprt; did you mean export?"),
        ({"lod": {"after": "export"}}, "there is no CronJob lod; did you mean load?"),
        ({"load": {"after": "export", "when": "never"}}, "must be one of all_succeeded, always, is 'never'"),
        ({"load": {"before": "export"}}, "unknown key; there are after, when, for_each and variable"),
        ({"load": {"after": "export", "for_each": ["a b", "a-b"]}}, "a b would have the name of another item: a-b"),
        ({"load": {"after": "export", "variable": "A-B"}}, "must name an environment variable, is 'A-B'"),
        ({"load": {"after": ["export", "export"]}}, "export is given twice"),
        ({"load": ["export"]}, "must be a mapping such as {after: export}"),
        ({"load": {"after": {"export": "always"}}}, "must be a text or a list of texts"),
        ({"load": {"after": [["export"]]}}, "must be a text or a list of texts"),
        ({"load": {"after": "export", "for_each": ["done"]}}, "done is the name of the task that waits for all items"),
        ({}, "must be a mapping with the key jobs, a mapping of CronJobs by name"),
        (
            {"load": {"after": ["export", "transform"]}},
            "begins with CronJobs of different schedules: export (0 1 * * * UTC), transform (0 2 * * * UTC); "
            "give all but one an after, or use handover: assets",
        ),
    ],
)
def test_wrong_chain_is_refused_by_name_and_costs_its_members_only(folder, jobs, problem):
    """On the clock they would run too early; the others are DAGs as before."""
    chains = {"nightly": {"jobs": jobs}, "other": {"jobs": {"clean-up": {}}}}
    loaded, problems = read(folder, chains)
    assert [each for each in problems if each.endswith(problem) and "chains.yaml:" in each] == problems != []
    assert [chain.name for chain in loaded.chains] == ["other"]
    followers = set(jobs)
    followed = {name for name in JOBS if re.search(f'"after": [^"]*"{name}"', json.dumps(jobs))}
    assert "clean-up" in loaded.cronjobs
    assert not (followers | followed) & set(loaded.cronjobs)


@pytest.mark.parametrize(
    ("chains", "problem"),
    [
        (
            {"one": {"jobs": {"load": {"after": "export"}}}, "two": {"jobs": {"transform": {"after": "export"}}}},
            "already",
        ),
        ({"load": {"jobs": {"transform": {"after": "export"}}}}, "two DAGs of one name"),
        ({"one": {"handover": "mail", "jobs": {"load": {}}}}, "must be one of tasks, assets, is 'mail'"),
        ({"one": {"handover": "assets", "jobs": {"load": {"after": "export", "when": "always"}}}}, "success only"),
        ({"one": {"jobs": {"load": {}}, "schedule": "@daily"}}, "unknown key; there are jobs and handover"),
        ({"one two": {"jobs": {"load": {"after": "export"}}}}, "is no name of a chain"),
        ("chain: {}\n", "a mapping of chains by name"),
        ("chains: [\n", "did not find"),
    ],
)
def test_wrong_file_is_refused_with_its_line(folder, chains, problem):
    """And what is right in it is kept."""
    _, problems = read(folder, chains)
    assert [problem in each and each.startswith("chains.yaml:") for each in problems] == [True]


@pytest.mark.parametrize(
    "chains",
    [
        "chains: {one: {jobs: {load: {after: export}\n",
        "chains: {one: {jobs: {load: {after: export}, load: {after: transform}}}}\n",
        "chain: {one: {jobs: {load: {after: export}}}}\n",
        "chains: {one: {jobs: [load, export]}}\n",
    ],
)
def test_what_an_unreadable_chain_mentions_gets_no_dag(folder, chains):
    """On the clock it would run too early; `clean-up` is nowhere in it."""
    loaded, [_] = read(folder, chains)
    assert "clean-up" in loaded.cronjobs
    assert not {"load", "export"} & set(loaded.cronjobs)


def test_values_are_texts_without_quotes(folder):
    """Years and answers are items, and a chain may have the name of a truth value."""
    loaded, problems = read(folder, "chains: {n: {jobs: {load: {after: export, for_each: [2026, yes, 08]}}}}\n")
    assert problems == []
    assert [(chain.name, chain.links["load"].for_each) for chain in loaded.chains] == [("n", ("2026", "yes", "08"))]


def test_chains_of_the_documentation_are_right(write):
    """Whoever copies them finds no error in them."""
    page = (Path(__file__).parents[4] / "docs" / "cronjobs.md").read_text()
    [text] = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "\nchains:" in block]
    folder = write("jobs.yaml", *map(cronjob, (*JOBS, "weekly-report")))
    loaded, problems = read(folder, text)
    assert problems == []
    assert [chain.name for chain in loaded.chains] == ["nightly", "reports"]


@pytest.mark.parametrize("order", ["first", "last"])
def test_dag_of_its_own_follows_a_cronjob_of_another_chain(folder, order):
    """Whichever is read first; the one that is followed stays where it is."""
    nightly = {"nightly": {"jobs": {"load": {"after": "export"}}}}
    reports = {"reports": {"handover": "assets", "jobs": {"clean-up": {"after": "load"}}}}
    given = (nightly | reports) if order == "first" else (reports | nightly)
    loaded, problems = read(folder, yaml.safe_dump({"chains": given}, sort_keys=False))
    assert problems == []
    assert {chain.name: list(chain.links) for chain in loaded.chains} == {
        "nightly": ["export", "load"],
        "reports": ["clean-up"],
    }


def test_circle_through_two_chains_is_refused(folder):
    """None of them would ever start."""
    links = {"one": {"load": {"after": "export"}}, "two": {"export": {"after": "load"}}}
    chains = {name: {"handover": "assets", "jobs": jobs} for name, jobs in links.items()}
    loaded, [problem] = read(folder, chains)
    assert "is a circle: load is after export is after load" in problem
    assert [chain.name for chain in loaded.chains] == ["one"]


def test_suspended_cronjob_follows_nobody(folder, write):
    """It would be started by the chain although its manifest says no."""
    write("jobs.yaml", cronjob("export"), cronjob("load", spec=["suspend: true"]))
    _, problems = read(folder, {"one": {"jobs": {"load": {"after": "export"}}}})
    assert [each for each in problems if "load has suspend: true" in each] == problems != []


def after(name, names):
    return cronjob(name, metadata=["annotations:", f"  baton.dev/after: {names}"])


def test_annotation_names_what_a_cronjob_follows(write):
    """Each keeps a DAG of its own."""
    loaded = load_cronjobs([write("jobs.yaml", cronjob("a"), after("b", "a"), after("c", '"a, b"'))])
    [chain] = loaded.chains
    assert chain.handover == "assets"
    assert {key: link.after for key, link in chain.links.items()} == {"b": ("a",), "c": ("a", "b")}


def test_wrong_annotation_costs_its_cronjob(write):
    """A circle costs all that are in it."""
    documents = [cronjob("a"), after("b", "none"), after("c", "d"), after("d", "c"), after("e", "a")]
    loaded = load_cronjobs([write("jobs.yaml", *documents)])
    assert sorted(loaded.cronjobs) == ["a", "e"]
    assert [problem.message for problem in loaded.problems] == [
        "there is no CronJob none",
        "is a circle: c is after d is after c",
        "is a circle: c is after d is after c",
    ]


def test_one_name_in_two_namespaces_becomes_two_keys(write):
    """And chains have to say which one they mean."""
    folder = write("jobs.yaml", *(cronjob("export", metadata=[f"namespace: {space}"]) for space in ("a", "b")))
    _, problems = read(folder, {"one": {"jobs": {"a.export": {}, "export": {}}}})
    assert [each for each in problems if "is in several namespaces: write a.export or b.export" in each] == problems
    assert sorted(load_cronjobs([Path(folder / "jobs.yaml")]).cronjobs) == ["a.export", "b.export"]


def test_name_with_a_dot_is_not_taken_for_one_with_a_namespace(write):
    """One of the two DAGs would be lost without a word."""
    spaces = (cronjob("export", metadata=[f"namespace: {space}"]) for space in ("a", "b"))
    loaded = load_cronjobs([write("jobs.yaml", *spaces, cronjob("a.export"))])
    [problem] = loaded.problems
    assert (sorted(loaded.cronjobs), len(loaded.refused)) == (["a.export", "b.export"], 1)
    assert problem.message.startswith("its DAG would be a.export, as that of the CronJob export at ")


def test_same_cronjob_twice_is_refused_once(write):
    """The first one is kept."""
    folder = write("a.yaml", cronjob())
    write("b.yaml", cronjob())
    loaded = load_cronjobs([folder])
    assert [job.manifest.file for job in loaded.cronjobs.values()] == [f"{folder}/a.yaml"]
    assert [problem.message for problem in loaded.problems] == [
        f"there is a CronJob export at {folder}/a.yaml:1 already"
    ]


SCHEMA = json.loads((Path(__file__).parents[4] / "include" / "cronjobs" / "chains.schema.json").read_text())


@pytest.mark.parametrize(
    ("chains", "is_right"),
    [
        ({"one": {"jobs": {"load": {"after": "export"}, "export": None}}}, True),
        ({"one": {"handover": "assets", "jobs": {"load": {"after": ["export"]}}}}, True),
        ({"one": {"jobs": {"load": {"after": "export", "when": "never"}}}}, False),
        ({"one": {"jobs": {"load": {"before": "export"}}}}, False),
        ({"one": {"handover": "mail", "jobs": {"load": {}}}}, False),
        ({"one": {"jobs": {}}}, False),
        ({"one": {"jobs": {"load": {"after": "export", "for_each": ["a", "a"]}}}}, False),
    ],
)
def test_published_schema_agrees_with_the_reader(folder, chains, is_right):
    """Editors check with the one, Airflow with the other."""
    _, problems = read(folder, chains)
    assert (problems == []) is is_right
    assert Draft202012Validator(SCHEMA).is_valid({"chains": chains}) is is_right


@pytest.mark.parametrize(
    ("name", "jobs", "problem", "chains", "lost"),
    [
        ("other", {"load": {"after": "export"}}, "chains.other.jobs.export: export is in chain nightly", 1, {"load"}),
        ("nightly", {"clean-up": {"after": "load"}}, "chains.nightly: there is a chain nightly already", 1,
         {"load", "clean-up"}),
        ("other", {"clean-up": {"after": "load"}}, None, 2, set()),
    ],
)  # fmt: skip
def test_chains_of_several_files_do_not_share_a_cronjob_or_a_name(folder, name, jobs, problem, chains, lost):
    """Two DAGs would start the same Jobs; the chain that was read first stays, also its CronJobs."""
    (folder / "later").mkdir()
    (folder / "later" / "chains.yaml").write_text(yaml.safe_dump({"chains": {name: {"jobs": jobs}}}))
    loaded, problems = read(folder, {"nightly": {"jobs": {"transform": {"after": "export"}}}})
    assert len(loaded.chains) == chains
    assert [found.partition(": ")[2].startswith(problem) for found in problems] == [True] * (problem is not None)
    assert set(JOBS) - set(loaded.cronjobs) == lost


@pytest.mark.parametrize("order", ["broken first", "broken last"])
def test_cronjob_in_a_chain_that_can_be_read_keeps_its_place(folder, order):
    """A second chain that mentions it and is wrong costs nobody else a DAG."""
    broken = {"broken": {"jobs": {"export": {"after": "nobody"}, "clean-up": {"after": "export"}}}}
    right = {"nightly": {"jobs": {"load": {"after": "export"}}}}
    loaded, [problem] = read(folder, broken | right if order == "broken first" else right | broken)
    assert "there is no CronJob nobody" in problem
    assert [chain.name for chain in loaded.chains] == ["nightly"]
    assert set(JOBS) - set(loaded.cronjobs) == {"clean-up"}


def test_annotation_beside_a_chain_costs_no_dag(write):
    """The chain holds, and what contradicts it is said."""
    after = cronjob("load", metadata=["annotations: {baton.dev/after: transform}"])
    folder = write("jobs.yaml", cronjob("export"), cronjob("transform"), after)
    loaded, [problem] = read(folder, {"nightly": {"jobs": {"load": {"after": "export"}}}})
    assert "say it in one place" in problem
    assert set(loaded.cronjobs) == {"export", "transform", "load"}
