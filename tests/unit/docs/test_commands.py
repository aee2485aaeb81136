"""What the pages show can be typed: commands and options exist, as do files and tests that recipes name."""

import json
import re
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import yaml

PROJECT = Path(__file__).parents[3]
PAGES = sorted(
    str(page.relative_to(PROJECT))
    for page in [
        PROJECT / "README.md",
        *(PROJECT / "docs").glob("*.md"),
        PROJECT / "include/local_kubernetes/README.md",
    ]
)
FOLDERS = ("tests", "dags", "docs", "include", "plugins", "deploy", "config", "benchmarks")
MADE_BY_THE_GUIDES = {
    "include/cronjobs/chains.yaml", "include/cronjobs/all.yaml",
    "include/cronjobs/batch.process-one.yaml", "include/cronjobs/batch.process-datasets.yaml",
}  # fmt: skip
NO_MODULE = re.compile(
    r"baton\.(dev|yaml|job_items|report_deliveries|low_stock_episodes)\b|local_kubernetes\.(name|core|server)\b"
)
"""Labels, tables and files that look like modules; attributes of the fixture `local_kubernetes`."""
PASSED_ON = {"test", "python"}
"""Commands whose further words are another program's."""
SHOWN = re.compile(r"\./baton ([^\n`#|;)>&]+)")


def shown_commands(page: str) -> list[list[str]]:
    """Every `./baton …` of a page, in code blocks and in lines."""
    text = (PROJECT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = "\n".join(re.findall(r"^ *```.*?^ *```", text, re.M | re.S))
    lines = re.findall(r"`([^`]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S))
    found = [words for source in [blocks, *lines] for words in SHOWN.findall(source)]
    return [re.sub(r"[\[\]'\"]", " ", words).split() for words in found]


@pytest.fixture(scope="module")
def commands(site_module):
    """Name → options of each command and of the commands below it."""
    page = (PROJECT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    known: dict[str, set[str]] = {}
    for part in re.split(r"^#{2,4} ", page, flags=re.M)[1:]:
        name = part.splitlines()[0].removeprefix("./baton").strip()
        rows = re.findall(r"^\| `(-.*?)` \|", part, re.M)
        known[name] = {"--help", *(word for row in rows for word in re.findall(r"(?<![\w-])--?[a-z][\w-]*", row))}
    assert len(known) > 40
    return known


@pytest.mark.parametrize("page", PAGES)
def test_a_shown_command_exists_with_its_options(page, commands):
    """A page that shows an option of yesterday leads to an error message."""
    wrong = []
    for words in shown_commands(page):
        name = words[0].rstrip(",.:")
        if not re.fullmatch(r"[a-z][a-z-]*", name):
            continue  # …, COMMAND, an option of ./baton itself
        below = next(
            known for size in (3, 2, 1) if (known := " ".join([name, *words[1:size]])) in commands or size == 1
        )
        options = [word.partition("=")[0] for word in words[1:] if word.startswith("-") and word != "-"]
        if name not in commands or (name not in PASSED_ON and set(options) - commands[below] - commands[name]):
            wrong.append(" ".join(words))
    assert wrong == []


def test_the_pages_show_commands():
    """The pattern above finds them."""
    assert sum(len(shown_commands(page)) for page in PAGES) > 100


@pytest.mark.parametrize("page", PAGES)
def test_the_files_and_modules_that_a_page_names_are_there(page):
    """A page that names a file of before it was moved sends people to nothing."""
    text = (PROJECT / page).read_text(encoding="utf-8")
    paths = {path.rstrip(".") for path in re.findall(rf"(?<![\w/.-])((?:{'|'.join(FOLDERS)})/[\w./*-]+)", text)}
    ours = {path for path in paths if not re.search(r"/[A-Z]+\b", path) or path.endswith(("README.md", "DAGS.md"))}
    assert sorted(path for path in ours - MADE_BY_THE_GUIDES if not [*PROJECT.glob(path)]) == []
    modules = set(re.findall(r"(?<![\w/.@-])((?:baton|baton_workloads|baton_local|local_kubernetes)(?:\.\w+)+)", text))
    assert sorted(module for module in modules if not NO_MODULE.match(module) and not is_there(module)) == []


def is_there(dotted: str) -> bool:
    """Whether it is a module of ours, or a name in one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        for root in ("plugins", "include"):
            base = PROJECT.joinpath(root, *parts[:length])
            file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
            if file.is_file():
                return length == len(parts) or parts[length] in file.read_text(encoding="utf-8")
    return False


@pytest.mark.parametrize(
    ("dotted", "there"),
    [
        ("baton.workloads", True),
        ("baton.settings.Settings", True),
        ("baton.abandoned", False),
        ("baton.settings.Nothing", False),
    ],
)
def test_names_of_yesterday_are_noticed(dotted, there):
    """What the test above relies on."""
    assert is_there(dotted) is there


def test_the_single_tests_that_contributing_shows_are_found():
    """One file, one test by a part of its name, a choice of some."""
    text = (PROJECT / "docs/contributing.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\./baton (test .+)$", text, re.M)
    assert len(shown) == 6
    for words in shown:
        if "tests/" in words:
            command = [str(PROJECT / "baton"), *shlex.split(words.partition("#")[0]), "--collect-only", "-q"]
            done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)
            assert done.returncode == 0, f"{words}: {done.stdout[-500:]}"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_settings_are_printed_as_the_page_says(options):
    """docs/settings.md shows both."""
    done = subprocess.run([str(PROJECT / "baton"), "settings", *options], check=True, capture_output=True, text=True)
    assert "timezone" in done.stdout
    assert "config/baton.yaml" in done.stdout


def test_the_site_is_built_into_a_new_folder_only(tmp_path):
    """MkDocs empties the folder that it is given."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").write_text("kept")
    command = [str(PROJECT / "baton"), "docs", "--build"]
    refused = subprocess.run([*command, str(mine)], check=False, capture_output=True, text=True)
    assert (refused.returncode, (mine / "file").read_text()) == (1, "kept")
    assert "not empty" in refused.stderr
    for _ in range(2):
        subprocess.run([*command, str(tmp_path / "site")], check=True, capture_output=True)
        assert (tmp_path / "site" / "index.html").is_file()


def test_the_site_is_shown_on_this_machine():
    """`./baton docs` answers on loopback until it is ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(PROJECT / "baton"), "docs", "--port", str(port)]
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ignored where the tests run in the background of a shell, and what is ignored is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as server:
        try:
            assert "Hand work over when it is done" in _answer(server, f"http://127.0.0.1:{port}/")
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


def _answer(server: subprocess.Popen, address: str) -> str:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            return httpx.get(address).text
        except httpx.ConnectError:
            time.sleep(0.2)
    raise AssertionError(f"nothing answers at {address}; exit code {server.poll()}")


def test_what_ci_and_editors_call_is_there(commands):
    """A workflow that calls a command of yesterday is seen only when it is pushed."""
    files = [*(PROJECT / ".github").rglob("*.yml"), *(PROJECT / ".github").rglob("*.yaml")]
    files += [PROJECT / ".pre-commit-config.yaml", PROJECT / ".ci/run", PROJECT / ".devcontainer/devcontainer.json"]
    texts = [file.read_text(encoding="utf-8") for file in files]
    assert len(files) > 6
    assert all(
        yaml.safe_load(text) for file, text in zip(files, texts, strict=True) if file.suffix in (".yml", ".yaml")
    )
    called = {word for text in texts for word in re.findall(r"\./baton (\w+)", text)}
    assert {"check", "test", "demo"} <= called <= set(commands)
    schemas = json.loads(texts[-1])["customizations"]["vscode"]["settings"]["yaml.schemas"]
    assert [schema for schema in schemas if not (PROJECT / schema).is_file()] == []
