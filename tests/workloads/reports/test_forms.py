"""The three forms of a report, by their structure: nothing is lost, nothing from the data is obeyed, all of it fits."""

import json
import re
from html.parser import HTMLParser

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.workloads.reports.hostile_texts import NAMES, hostile

from baton_workloads.reports import slack
from baton_workloads.reports.publish import forms, publish
from baton_workloads.reports.values import Text
from baton_workloads.reports.view import view

RAW_FLOAT = re.compile(r"\d[.]\d{4,}|\d[.]\d+e[+-]?\d+|Decimal\(|\bnan\b|\bNone\b", re.IGNORECASE)
MARGIN_POINTS = 50


class Words(HTMLParser):
    """The text and the tags of a page."""

    def __init__(self, page):
        super().__init__()
        self.words, self.tags, self.cells, self._in_style = [], [], 0, False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._in_style = tag == "style"
        self.cells += tag == "td" and dict(attrs).get("dir") == "auto"

    def handle_endtag(self, tag):
        self._in_style = False

    def handle_data(self, data):
        if not self._in_style:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def files():
    return {file.kind: file.content for file in forms(hostile())}


@pytest.fixture(scope="module")
def paper(files):
    return pypdfium2.PdfDocument(files["pdf"])


@pytest.mark.parametrize("kind", ["mail", "page"])
def test_a_page_holds_every_cell_as_text(files, kind):
    """Rows and totals are all there; markup from the data is text, no script element exists."""
    page = Words(files[kind].decode())
    tables = [part for part in view(hostile())["parts"] if part["kind"] == "table"]
    expected = sum(len(table["columns"]) * (len(table["rows"]) + bool(table["total"])) for table in tables)
    assert page.cells == expected
    assert "script" not in page.tags
    assert "b" not in page.tags
    for name in NAMES:
        assert " ".join(Text(name).text.split()) in page.text


def test_a_mail_names_its_pictures_and_a_page_holds_them(files):
    """Mail programs show attachments; a page must not need any."""
    assert re.findall(r'src="([^"]+)"', files["mail"].decode()) == ["cid:chart-0", "cid:chart-1"]
    sources = re.findall(r'src="([^"]{0,30})', files["page"].decode())
    assert [source.split(",")[0] for source in sources] == ["data:image/svg+xml;base64"] * 2
    assert not re.search(r'(src|href)="https?:', files["page"].decode())
    assert files["chart-0"].startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", ["mail", "text", "slack"])
def test_no_raw_number_reaches_a_reader(files, kind):
    """Every number went through its type."""
    text = Words(files[kind].decode()).text if kind == "mail" else files[kind].decode()
    assert not RAW_FLOAT.search(text)


def test_a_pdf_has_all_pages_numbered_and_all_rows(files, paper):
    """A long table goes on over pages, with its head again."""
    texts = [page.get_textpage().get_text_range() for page in paper]
    assert len(texts) >= 3
    for number, text in enumerate(texts, start=1):
        assert f"Page {number} of {len(texts)}" in text
    whole = "\n".join(texts)
    assert [number for number in range(120) if not re.search(rf"row {number}\b", whole)] == []
    assert not RAW_FLOAT.search(whole)
    assert "#set page(fill: red)" in whole


def test_nothing_in_a_pdf_stands_outside_its_margins(paper):
    """No clipped table: the box of each piece of text lies on the page."""
    for page in paper:
        width, height = page.get_size()
        words = page.get_textpage()
        for number in range(words.count_rects()):
            left, bottom, right, top = words.get_rect(number)
            assert left >= MARGIN_POINTS - 5
            assert right <= width - MARGIN_POINTS + 5
            assert bottom >= 0
            assert top <= height


def test_the_same_report_gives_the_same_pdf(files):
    """Else a repeated run would look like a new file."""
    again = {file.kind: file.content for file in forms(hostile())}
    assert again["pdf"] == files["pdf"]


def check_slack(blocks):
    """Slack's own limits."""
    assert 0 < len(blocks) <= 48
    for block in blocks:
        if block["type"] == "header":
            assert 0 < len(block["text"]["text"]) <= 150
        for text in [block.get("text"), *block.get("fields", []), *block.get("elements", [])]:
            if text and text["type"] == "mrkdwn":
                assert 0 < len(text["text"]) <= (2000 if "fields" in block else 3000)
                assert not re.search(r"<(?!\Z)|>", text["text"])
        assert len(block.get("fields", [])) <= 10


def test_slack_blocks_keep_slacks_limits(files):
    """Nothing in them mentions, links or formats by itself."""
    form = json.loads(files["slack"])
    check_slack(form["blocks"])
    assert "<" not in form["text"]


lines = st.text(min_size=1, max_size=300)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(lines, lines, lines), max_size=60), st.integers(0, 60))
def test_any_report_fits_into_slack(rows, notes):
    """However many parts and whatever words."""
    columns = [{"title": title, "align": "end"} for title in ("Name", "Count", "Amount")]
    table = {"kind": "table", "title": "T", "columns": columns, "rows": [list(row) for row in rows], "left_out": "",
             "empty": "none", "total": []}  # fmt: skip
    note = {"kind": "note", "text": "x" * 4000, "tone": "info"}
    made = slack.blocks({"title": "t" * 300, "period": "p", "zone": "UTC", "headline": "h & " * 1000,
                         "parts": [table, *[note] * notes]})  # fmt: skip
    check_slack(made)


def test_a_report_is_stored_with_its_manifest_last(tmp_path):
    """The manifest names each file with size and checksum; a second time gives the same."""
    result = publish(hostile(), f"file://{tmp_path}")
    manifest = json.loads((tmp_path / "hostile/2026-11-21/manifest.json").read_text())
    assert result["report_id"] == manifest["report_id"] == "hostile/2026-11-21"
    for file in manifest["files"]:
        assert (tmp_path / file["uri"].removeprefix(f"file://{tmp_path}/")).stat().st_size == file["size_bytes"]
    assert publish(hostile(), f"file://{tmp_path}") == result
