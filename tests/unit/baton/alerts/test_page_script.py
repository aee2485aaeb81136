"""What the script of the page *Alerts*, and the one that all pages share, make of what they are told; in a browser."""

from typing import Any

import pytest
import pytest_asyncio
from tests.unit.baton.opened_page import BATON, CHROMIUM, called, opened_page

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
    pytest.mark.asyncio(loop_scope="module"),
]
STATIC = BATON / "alerts" / "page" / "static"
STATE = {
    "off": [], "routes": [{"name": "pods", "dag_id": "diagnose", "problem": "", "in_vain": 0}], "has_routes": True,
    "has_senders": True, "problem": "", "senders_problem": "", "may_switch": True, "day": {}, "refused": [],
}  # fmt: skip
NOW = "2026-03-29T02:00:00Z"
HOSTILE = "<img src=x onerror=alert(1)>&/?#"


def row(**differences: Any) -> dict[str, Any]:
    """A decision."""
    return {
        "id": 7, "verdict": "run", "meaning": "", "route": "pods", "dag_id": "diagnose", "run_id": "alert__1",
        "labels": {"alertname": "CrashLoop", "namespace": "shop", "pod": "api-1"}, "summary": "it restarts",
        "fingerprint": "f1", "starts_at": "2026-03-29T01:00:00Z", "first_at": "2026-03-29T01:00:01Z",
        "last_at": "2026-03-29T01:09:01Z", "repeats": 0, "reason": "matched", "sender": "ann", "source": "alertmanager",
        "run_state": "", "url": None, "silence_url": None, "runbook_url": None,
        **differences,
    }  # fmt: skip


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What the server says; a test puts its own in."""
    return {"state": STATE, "data": {"rows": [row()], "more": False, "now": NOW}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(answers):
    """The page, read once."""
    async with opened_page(STATIC, "/af/baton/alerts/", answers) as shown:
        yield shown


@pytest_asyncio.fixture(loop_scope="module")
async def shown(page, answers):
    """Draws other decisions and another state; gives the page."""

    async def draw(*rows: dict[str, Any], more: bool = False, **state: Any):
        answers.update(state={**STATE, **state}, data={"rows": list(rows), "more": more, "now": NOW})
        await page.evaluate("load()")
        return page

    return draw


async def text_of(page, selector: str) -> str:
    return str(await page.evaluate(f"document.querySelector({selector!r}).textContent"))


@pytest.mark.parametrize(
    ("text", "route", "verdict", "before", "query"),
    [
        ("", "*", "", None, ""),
        (" a&b ", "*", "", None, "text=a%26b"),
        ("", "pods", "", None, "route=pods"),
        ("", "", "", None, "route="),
        ("", "*", "unmatched", None, "verdict=unmatched"),
        ("", "*", "resolved,cancelled,noted", None, "verdict=resolved&verdict=cancelled&verdict=noted"),
        ("x", "pods", "run", 7, "text=x&route=pods&verdict=run&before=7"),
    ],
)
async def test_what_is_chosen_is_asked_for(page, text, route, verdict, before, query):
    """All routes and no route are two things."""
    await page.evaluate(f"ui.text.value = {text!r}, ui.route.value = {route!r}, ui.verdict.value = {verdict!r}")
    try:
        assert await page.evaluate(f"query({'null' if before is None else before}).toString()") == query
    finally:
        await page.evaluate("ui.text.value = '', ui.route.value = '*', ui.verdict.value = ''")


async def test_every_verdict_has_a_name_and_one_filter(page):
    """One that is new would be shown as nothing, and could not be filtered for."""
    from baton.alerts.verdicts import Verdict

    known = {verdict.value for verdict in Verdict}
    assert set(await page.evaluate("Object.keys(NAMES)")) == known
    filtered = [value for text, _ in await page.evaluate("FILTERS") for value in text.split(",") if value]
    assert sorted(filtered) == sorted(known)


@pytest.mark.parametrize(
    ("differences", "name", "kind"),
    [
        ({}, "CrashLoop", "run"),
        ({"verdict": "storm", "labels": {"template": "t"}}, "t", "storm"),
        ({"verdict": "refused", "labels": {}}, "f1", "bad"),
        ({"verdict": "left_out", "labels": {}}, "alerts left out", "bad"),
        ({"verdict": "cooldown", "labels": {"alertname": HOSTILE}}, HOSTILE, ""),
    ],
)
async def test_a_decision_is_shown_by_its_alerts_name(shown, differences, name, kind):
    """Of an alert without a name, by what else names it; nothing becomes markup."""
    page = await shown(row(**differences))
    assert await text_of(page, "#table summary b") == name
    assert await page.evaluate("document.querySelector('#table .verdict').className") == f"verdict {kind}"
    assert await page.evaluate("document.querySelectorAll('#table img').length") == 0


async def test_a_run_is_linked_by_its_quoted_id(shown):
    """Below the address under which Airflow itself is."""
    page = await shown(row(dag_id="a/b", run_id="alert__x+y"))
    link = "document.querySelector('#table a').getAttribute('href')"
    assert await page.evaluate(link) == "/af/dags/a%2Fb/runs/alert__x%2By"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://example.org/a b", "https://example.org/a%20b"), ("http://example.org", "http://example.org/"),
        ("javascript:alert(1)", None), ("JavaScript:alert(1)", None), ("data:text/html,x", None), ("/baton", None),
        ("", None), (None, None),
    ],
)  # fmt: skip
async def test_what_senders_wrote_is_no_address_of_a_script(page, written, address):
    """Whole web addresses only."""
    assert await called(page, "webAddress", written) == address


@pytest.mark.parametrize(("repeats", "said"), [(0, ""), (1, "+ 1 repeat, last "), (2, "+ 2 repeats, last ")])
async def test_repeats_are_counted(shown, repeats, said):
    """One is no plural."""
    page = await shown(row(repeats=repeats))
    assert said in await text_of(page, "#table td.time")
    assert ("repeat" in await text_of(page, "#table td.time")) == bool(said)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"problem": "line 3"}, "The file of routes cannot be used.line 3. The last good one stays in use."),
        ({"problem": "line 3", "has_routes": False}, "The file of routes cannot be used.line 3. Senders are asked"),
        ({"senders_problem": "no file"}, "The file of senders needs a person.no file"),
        (
            {"routes": [{"name": name, "dag_id": "x", "problem": "no DAG x", "in_vain": 1} for name in ("a", "b")]},
            "Alerts on a, b start nothing.no DAG x",
        ),
        ({"off": [{"route": "", "by": "ann", "at": NOW, "until": None}]}, "All routes are off.Switched by ann, "),
        (
            {"off": [{"route": "a", "by": "ann", "at": NOW, "until": NOW}]},
            "Route a is off until Sun",
        ),
    ],
)
async def test_what_needs_a_person_is_said(shown, state, said):
    """What it is, and what holds meanwhile."""
    page = await shown(row(), **state)
    assert said in await text_of(page, "#banners")


async def test_a_day_is_summed_up(shown):
    """Alerts that started nothing are red; one run is no runs."""
    day = {
        "run": {"alerts": 1, "repeats": 1}, "storm": {"alerts": 2, "repeats": 0},
        "refused": {"alerts": 3, "repeats": 0}, "unmatched": {"alerts": 1500, "repeats": 0},
    }  # fmt: skip
    page = await shown(row(), day=day)
    parts = "[...document.querySelectorAll('#summary > div')].map(part => part.textContent + '|' + part.className)"
    assert await page.evaluate(parts) == ["run in 24 hours1|", "held back2|", "started nothing1,503|bad", "repeat1|"]


@pytest.mark.parametrize(
    ("attributes", "made"),
    [
        ({"title": '"><b>'}, [["title", '"><b>']]),
        ({"hidden": True}, [["hidden", ""]]),
        ({"hidden": False, "title": None}, []),
    ],
)
async def test_elements_are_made_of_text(page, attributes, made):
    """Attributes and children are never markup; what is missing is left out."""
    found = "(given) => { const made = element('p', given, '<b>', null, 'x');"
    found += " return [[...made.attributes].map((one) => [one.name, one.value]), made.innerHTML]; }"
    assert await called(page, found, attributes) == [made, "&lt;b&gt;x"]


@pytest.mark.parametrize(
    ("stored", "zone"),
    [("Asia/Tokyo", "Asia/Tokyo"), (None, "Europe/Prague"), ("No/Where", "Europe/Prague")],
)
async def test_the_zone_is_the_one_chosen_in_airflow(page, stored, zone):
    """Or the browser's, where none is chosen or none that it knows."""
    keep = (
        "localStorage.removeItem('timezone')" if stored is None else f"localStorage.setItem('timezone', '\"{stored}\"')"
    )
    await page.evaluate(keep)
    try:
        assert await called(page, "airflowZone") == zone
    finally:
        await page.evaluate("localStorage.removeItem('timezone')")


@pytest.mark.parametrize(("theme", "dark"), [("dark", True), ("light", False)])
async def test_the_theme_is_the_one_chosen_in_airflow(page, theme, dark):
    """As soon as another tab chooses it."""
    await page.evaluate(f"localStorage.setItem('theme', {theme!r}), dispatchEvent(new StorageEvent('storage'))")
    assert await page.evaluate("document.documentElement.classList.contains('dark')") is dark
