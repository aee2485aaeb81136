"""Whatever an alert says, it becomes no path, no shell word, no template and no request of another object."""

from __future__ import annotations

import re
import zipfile
from datetime import UTC, datetime
from html import unescape
from io import BytesIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from baton.alerts.conf import Alert, AlertConfError, make_conf, read_conf
from baton.incidents.diagnostics.archive import Archive, Sink, safe_path
from baton.incidents.diagnostics.cluster_connection import ClusterConnection
from baton.incidents.diagnostics.collector import CollectionScope, Document, Outcome
from baton.incidents.diagnostics.index import render_index
from baton.incidents.diagnostics.target import KINDS, NamespaceRefusedError, target_of
from baton.incidents.diagnostics.workload import Workload
from baton.incidents.diagnostics_operator import archive_key
from baton.redaction.redactor import Redactor, secret_values

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HOSTILE = [
    "../../etc/passwd",
    "$(id)",
    "; rm -rf /",
    "{{ 7*7 }}",
    "a/b?x=y#z",
    "<script>x</script>",
    "kube-system",
    "%2e",
]
texts = st.text(max_size=80) | st.sampled_from(HOSTILE)


def alert_of(labels):
    return Alert("alertmanager", "r", "firing", "f00d", NOW.isoformat(), labels=labels, annotations=labels)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*KINDS, "kind", "name", "namespace"]), texts))
@example({"namespace": "shop", "kind": "Pod", "name": "../x"})
@example({"namespace": "kube-system", "pod": "x"})
def test_a_target_is_a_plain_name_in_an_allowed_namespace_or_refused(target):
    """What gets through makes a path of exactly one object."""
    conf = read_conf(make_conf(alert_of({}), target))
    try:
        found = target_of(conf, {"shop"})
    except (AlertConfError, NamespaceRefusedError):
        return
    assert found.namespace == "shop"
    for kind, name in found.candidates:
        path = ClusterConnection(None, found.namespace).path(KINDS[kind], name)
        assert re.fullmatch(r"/apis?/[a-z0-9/]+/namespaces/shop/[a-z]+/[a-z0-9]([-a-z0-9.]*[a-z0-9])?", path)


@given(texts)
def test_a_path_in_the_archive_stays_in_it(text):
    """No step upwards, nothing absolute, plain characters."""
    path = safe_path(text)
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?", path), path
    assert len(path) <= 200


@given(st.from_regex(r"[A-Za-z0-9_.~:+-]{1,80}", fullmatch=True))
def test_a_key_comes_from_the_run_alone(run_id):
    """And lies below the DAG's folder and the day."""
    key = archive_key("collect_diagnostics", run_id, NOW)
    assert re.fullmatch(r"collect_diagnostics/2026/11/22/[A-Za-z0-9_-][A-Za-z0-9._-]*\.zip", key), key


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.text(min_size=1, max_size=20), texts, max_size=6))
def test_labels_are_text_in_the_index(labels):
    """Escaped once, evaluated never."""
    conf = read_conf(make_conf(alert_of(labels | {"alertname": "<b>{{ 7*7 }}</b>"}), {"namespace": "shop", "pod": "x"}))
    scope = CollectionScope(None, Workload(target_of(conf, {"shop"})), conf, NOW)
    run = {"dag_id": "d", "run_id": "r", "seconds": "1"}
    page = render_index(scope, [Outcome("logs", "Logs")], {}, Redactor(), run)
    assert "&lt;b&gt;{{ 7*7 }}&lt;/b&gt;" in page
    assert "<script>x" not in page


def test_documents_of_one_path_are_both_there_and_the_whole_has_a_limit(monkeypatch):
    """Nothing is overwritten; what does not fit is refused, and a long one keeps its end."""
    from baton.incidents.diagnostics import archive as module

    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    monkeypatch.setattr(module, "MAX_BYTES_EACH", 400)
    sink = Sink()
    archive = Archive(sink, Redactor(), NOW)
    taken = [archive.take(Document("a.txt", "A", "x\n" * count + "end")) for count in (10, 10, 500, 250, 250)]
    archive.close()
    sink.close()
    path = BytesIO(sink.read())
    with zipfile.ZipFile(path) as read:
        names = read.namelist()
        longest = read.read("a-3.txt").decode()
    assert taken == [True, True, True, True, False]
    assert names == ["a.txt", "a-2.txt", "a-3.txt", "a-4.txt"]
    assert longest.startswith("… the beginning was left out")
    assert longest.endswith("end")


def test_an_upload_of_an_unfinished_archive_fails():
    """Half an archive must not look like a whole one."""
    sink = Sink()
    sink.write(b"PK")
    sink.abandon("the archive was not finished")
    with pytest.raises(RuntimeError, match="not finished"):
        sink.read(100)


secrets = st.text(alphabet="abcXYZ0189_-.!%^*+~", min_size=8, max_size=30).map(lambda text: f"q{text}7")


@settings(deadline=None, max_examples=60)
@given(secrets, st.sampled_from(["password: {}", "tcp://u:{}@h", "{}", "x {} y", 'a="{}"']), st.text(max_size=30))
def test_a_planted_canary_is_in_no_file_of_an_archive(secret, place, noise):
    """Neither in logs nor in objects, titles or the index, when a variable of the pod holds it."""
    pod = {"env": [{"name": "APP_PASSWORD", "value": secret}], "image": "x"}
    specs = {"metadata": {"name": "p", "annotations": {"a": place.format(secret)}}, "spec": {"containers": [pod]}}
    redactor = Redactor(secret_values(specs["spec"]))
    sink = Sink()
    archive = Archive(sink, redactor, NOW)
    archive.take(Document("pods/p.yaml", f"Pod {secret}", specs))
    archive.take(Document("logs/a.log", "Log", f"{noise}\n{place.format(secret)}\n{noise}"))
    archive.settle()
    conf = read_conf(make_conf(alert_of({"note": place.format(secret)}), {"namespace": "shop", "pod": "x"}))
    scope = CollectionScope(None, Workload(target_of(conf, {"shop"})), conf, NOW)
    outcome = Outcome("logs", "Logs", paths=["pods/p.yaml", "logs/a.log"])
    run = {"dag_id": "d", "run_id": "r", "seconds": "1"}
    archive.write("index.html", render_index(scope, [outcome], archive.entries, redactor, run).encode())
    archive.close()
    sink.close()
    with zipfile.ZipFile(BytesIO(sink.read())) as read:
        whole = "\n".join(read.read(name).decode() for name in read.namelist())
    if secret not in noise:
        assert secret not in unescape(whole)


@pytest.mark.parametrize(
    "line", ["DB_PASS={}", '{{"name": "SMTP_PW", "value": "{}"}}', "PASSWORD_SALT: '{}'", "DB_PASSWORD={}"]
)
def test_what_a_log_names_is_in_no_file_of_an_archive(line):
    """Also not bare in a document that was collected before."""
    secret = "hunter2-zeb8ra"
    sink = Sink()
    archive = Archive(sink, Redactor(), NOW)
    archive.take(Document("logs/a.log", f"Log of {secret}", f"it said {secret}"))
    archive.take(Document("logs/b.log", "Log", line.format(secret)))
    archive.take(Document("pods/p.yaml", "Pod", {"status": {"message": f"not {secret}"}}))
    archive.settle()
    assert secret not in "".join(entry.tail + entry.title for entry in archive.entries.values())
    archive.close()
    sink.close()
    with zipfile.ZipFile(BytesIO(sink.read())) as read:
        assert len(read.namelist()) == 3
        assert secret not in "\n".join(read.read(name).decode() for name in read.namelist())


def test_words_after_telling_names_cost_no_other_text():
    """A log has to stay readable."""
    redactor = Redactor()
    redactor.text("token: expired\npassword=required\nsecret: /run/secrets/a1\nDB_PASS=changeme")
    assert redactor.text("expired required /run/secrets/a1") == "expired required /run/secrets/a1"
