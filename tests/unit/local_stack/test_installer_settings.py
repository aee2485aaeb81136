"""Which CAs and which index pip and uv get, and that both then work with a company's own CA."""

import http.server
import os
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from tests.unit.local_stack.test_baton_command import SHOW, wheel

from baton_local import installer_settings as settings
from baton_local.layout import PROJECT
from local_kubernetes import pki

SYSTEM = "/system.pem"


@pytest.mark.parametrize(
    ("environment", "pip", "added"),
    [
        ({}, {}, {"SSL_CERT_FILE": SYSTEM, "PIP_CERT": SYSTEM}),
        ({}, {"cert": "/own.pem"}, {"SSL_CERT_FILE": "/own.pem"}),
        ({"REQUESTS_CA_BUNDLE": "/own.pem"}, {}, {"SSL_CERT_FILE": "/own.pem"}),
        ({"CURL_CA_BUNDLE": "/own.pem"}, {}, {"SSL_CERT_FILE": "/own.pem"}),
        ({"REQUESTS_CA_BUNDLE": "/other.pem"}, {"cert": "/own.pem"}, {"SSL_CERT_FILE": "/own.pem"}),
        ({"SSL_CERT_FILE": "/own.pem"}, {}, {"PIP_CERT": "/own.pem"}),
        ({"SSL_CERT_FILE": "/uv.pem"}, {"cert": "/pip.pem"}, {}),
        ({"SSL_CERT_DIR": "/etc"}, {}, {"PIP_CERT": "/etc"}),
        ({"SSL_CERT_DIR": "/etc:/usr"}, {}, {"PIP_CERT": SYSTEM}),
        ({}, {"cert": "/etc"}, {"SSL_CERT_DIR": "/etc"}),
        ({}, {"cert": "/own.pem", "index-url": "u"}, {"SSL_CERT_FILE": "/own.pem", "UV_DEFAULT_INDEX": "u"}),
        ({"UV_DEFAULT_INDEX": "v"}, {"cert": "/own.pem", "index-url": "u"}, {"SSL_CERT_FILE": "/own.pem"}),
    ],
)
def test_what_one_is_told_the_other_gets(environment, pip, added, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set for one by name stays as it is."""
    monkeypatch.setattr(settings, "system_bundle", lambda: SYSTEM)
    monkeypatch.setattr(sys, "platform", "linux")
    assert settings.installer_settings(environment, pip) == added


def test_a_machine_without_a_store_leaves_both_to_their_own_cas(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minimal container has none."""
    monkeypatch.setattr(settings, "system_bundle", lambda: None)
    monkeypatch.setattr(sys, "platform", "linux")
    assert settings.installer_settings({}, {}) == {}


def test_pips_settings_are_read_as_pip_reads_them(tmp_path: Path) -> None:
    """A variable wins over a file, a section of a command over the general one."""
    file = tmp_path / "pip.conf"
    file.write_text("[global]\ncert = /general.pem\nindex-url = https://general/\n[install]\ncert = /install.pem\n")
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "PIP_CONFIG_FILE": str(file)}
    found = settings.pip_settings(environment | {"PIP_INDEX_URL": "https://variable/"})
    assert (found["cert"], found["index-url"]) == ("/install.pem", "https://variable/")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, str]]:
    """An index over TLS, signed by a CA of its own: address, CA, and a lock of uv and a tiny package."""
    folder = tmp_path_factory.mktemp("index")
    distribution = metadata.distribution("uv")
    wanted = [file for file in distribution.files or [] if file.parts[0] == "uv" and file.suffix != ".pyc"]
    files = {str(file): Path(str(file.locate())).read_bytes() for file in wanted}
    files[f"uv-{distribution.version}.data/scripts/uv"] = (Path(sys.executable).parent / "uv").read_bytes()
    lock = ""
    for name, version, content in (
        ("uv", distribution.version, files),
        ("tiny", "1.0", {"tiny.py": b"works = True\n"}),
    ):
        page = folder / "simple" / name
        page.mkdir(parents=True)
        lock += wheel(page, name, version, content)
        link = next(page.iterdir()).name
        (page / "index.html").write_text(f'<!DOCTYPE html><html><body><a href="{link}">{link}</a></body></html>')
    certificates = pki.ensure(folder / "pki")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given, **options) -> None:
            super().__init__(*given, directory=str(folder), **options)

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that does not trust this server hangs up."""

    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_address[1]}/simple", certificates.authority, lock
        server.shutdown()
        thread.join()


@pytest.fixture
def clone(company: tuple[str, Path, str], tmp_path: Path) -> Path:
    package = tmp_path / "clone" / "include" / "baton_local"
    package.mkdir(parents=True)
    shutil.copy(PROJECT / "baton", tmp_path / "clone")
    shutil.copy(PROJECT / "include" / "baton_local" / "installer_settings.py", package)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(f"import tiny; {SHOW}")
    (tmp_path / "clone" / "requirements.txt").write_text(company[2])
    return tmp_path / "clone"


def set_up(clone: Path, **variables: str) -> tuple[int, str]:
    """Run `./baton` with nothing of this machine's settings."""
    own = {"PATH": os.environ["PATH"], "HOME": str(clone.parent), "BATON_PYTHON": str(Path(sys.executable).resolve())}
    done = subprocess.run(
        ["./baton"], cwd=clone, env=own | variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("place", ["pip.conf", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_companys_ca_and_index_are_used_by_both(company: tuple[str, Path, str], clone: Path, place: str) -> None:
    """Wherever pip is told of them; uv reads none of pip's settings by itself."""
    index, authority, _ = company
    conf = clone.parent / "pip.conf"
    conf.write_text(f"[global]\nindex-url = {index}\ncert = {authority}\n")
    # A file named in place of /dev/null is one more beside the machine's own.
    elsewhere = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index, place: str(authority)}

    code, output = set_up(clone, **({"PIP_CONFIG_FILE": str(conf)} if place == "pip.conf" else elsewhere))

    assert (code, "ran with" in output) == (0, True), output


def test_a_certificate_that_is_not_trusted_is_named_as_such(company: tuple[str, Path, str], clone: Path) -> None:
    """Not as a matter of the network or the disk."""
    code, output = set_up(clone, PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL=company[0], PIP_RETRIES="0")

    assert code == 1
    assert "the certificate of a package index is not trusted" in output
    assert "SSL_CERT_FILE=/path/to/ca.pem ./baton" in output
    assert "free space" not in output
