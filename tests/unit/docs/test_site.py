"""The documentation site: it says what GitHub shows, asks nobody outside, and is complete."""

import os
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import markdown
import pytest
from markdown_it import MarkdownIt
from mkdocs.config import load_config

from baton_local.cli.develop import checks_for

PROJECT = Path(__file__).parents[3]
PAGES = [
    *(
        "README.md",
        "DAGS.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "CODE_OF_CONDUCT.md",
        "include/local_kubernetes/README.md",
    ),
    *(str(page.relative_to(PROJECT)) for page in sorted((PROJECT / "docs").rglob("*.md"))),
]
COUNTED = {
    "h1",
    "h2",
    "h3",
    "h4",
    "ul",
    "ol",
    "li",
    "pre",
    "table",
    "tr",
    "td",
    "img",
    "blockquote",
    "code",
    "a",
    "strong",
}
QUIET = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}


class Tags(HTMLParser):
    """Counts the tags that make a page's structure, and keeps what stands in code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()
        self.codes: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        classes = dict(attrs).get("class") or ""
        if tag in COUNTED and "headerlink" not in classes:
            self.found[tag] += 1
        if tag == "code":
            self.codes.append("")
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if "¶" not in data:  # the link beside a heading
            self.words += data.split()
        if "code" in self._open:
            self.codes[-1] += data


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        checks_for(str(folder))["site"], cwd=PROJECT, env=QUIET, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def as_site(site_module):
    """Renders Markdown as the site does."""
    prepared = site_module("hooks").without_escaped_pipes
    config = load_config(str(PROJECT / "mkdocs.yml"))

    def render(text: str) -> Tags:
        return Tags(
            markdown.markdown(
                prepared(text), extensions=config["markdown_extensions"], extension_configs=config["mdx_configs"]
            )
        )

    return render


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_the_same_on_the_site_and_on_github(page, as_site):
    """Python-Markdown wants an empty line before a list and four spaces below an item; else text flows into another."""
    text = (PROJECT / page).read_text(encoding="utf-8")
    github = Tags(MarkdownIt("commonmark").enable("table").render(text))
    shown = as_site(text)
    assert shown.found == github.found
    assert "".join(shown.words) == "".join(github.words)
    assert [code.split() for code in shown.codes] == [code.split() for code in github.codes]


def test_nothing_is_asked_of_anybody_outside(site):
    """No web font, script, style, picture or frame from another host."""
    foreign = re.compile(
        r"<(?:script|img|iframe|source)[^>]+src=[\"']?(?:https?:)?//|<link[^>]+href=[\"']?(?:https?:)?//|url\([\"']?(?:https?:)?//"
    )
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(pages) > 30
    assert [str(page) for page in pages if foreign.search(page.read_text(encoding="utf-8"))] == []


def test_every_picture_of_the_docs_is_shown(site):
    """A picture that no page shows or links to is forgotten, here and on GitHub."""
    pictures = {str(path.relative_to(PROJECT)) for path in (PROJECT / "docs" / "pictures").rglob("*.png")}
    assert pictures == {str(path.relative_to(site)) for path in (site / "docs" / "pictures").rglob("*.png")}


def test_no_path_of_a_machine_is_on_it(site):
    """Generated pages may hold defaults that were computed here."""
    own = re.compile("|".join(re.escape(text) for text in (str(PROJECT), str(Path.home()) + "/")))
    assert [str(page) for page in site.rglob("*.html") if own.search(page.read_text(encoding="utf-8"))] == []


@pytest.fixture
def copy(tmp_path, site_module):
    """The pages and what they lead to, to be spoilt."""
    for path in {*PAGES, *site_module("hooks").linked(), "mkdocs.yml"}:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / path, tmp_path / path)
    shutil.copytree(PROJECT / "docs" / "site", tmp_path / "docs" / "site", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


LEADS_NOWHERE = [
    ("docs/setup.md", "[x](nowhere.md)", "nowhere.md"),
    ("docs/setup.md", "[x](alerts.md#no-such-heading)", "no-such-heading"),
    ("docs/setup.md", "[x](../include/alerts/nothing.yaml)", "nothing.yaml"),
    ("docs/setup.md", "[x](../dags)", "../dags"),
    ("docs/setup.md", "![x](pictures/nothing.png)", "nothing.png"),
    ("docs/forgotten.md", "# No menu leads here", "forgotten.md"),
]


def test_the_check_notices_what_leads_nowhere(copy):
    """Each is a warning of its own, and one is enough; with --quiet MkDocs counts none. The copy itself has none."""
    command = checks_for(str(copy / "site"))["site"]
    for spoilt in (False, True):
        for page, text, _ in LEADS_NOWHERE if spoilt else []:
            with (copy / page).open("a", encoding="utf-8") as file:
                file.write(f"\n{text}\n")
        done = subprocess.run(command, cwd=copy, env=QUIET, check=False, capture_output=True, text=True)
        assert (done.returncode != 0) == spoilt, done.stderr
        told = (done.stdout + done.stderr).partition("WARNING")[2]
        assert [said in told for _, _, said in LEADS_NOWHERE] == [spoilt] * len(LEADS_NOWHERE), told
