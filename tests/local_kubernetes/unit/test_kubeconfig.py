"""The kubeconfig of a server, and what merging it leaves alone."""

import stat

import pytest
import yaml

from local_kubernetes import kubeconfig

THEIRS = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "prod", "cluster": {"server": "https://prod"}}],
    "users": [{"name": "me", "user": {"token": "t"}}],
    "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "me"}}],
    "current-context": "prod",
}


@pytest.fixture
def source(tmp_path):
    """A server's kubeconfig."""
    authority = tmp_path / "ca.pem"
    authority.write_text("certificate")
    path = tmp_path / "state" / "kubeconfig"
    kubeconfig.write(path, port=6443, authority=authority, token="secret", namespace="dev")
    return path


def test_merging_keeps_what_was_there(tmp_path, source):
    """Other clusters, users and contexts stay, and so does the current context."""
    target = tmp_path / "config"
    target.write_text(yaml.safe_dump(THEIRS))

    kubeconfig.merge(source, target, "baton")

    merged = yaml.safe_load(target.read_text())
    assert merged["current-context"] == "prod"
    assert [entry["name"] for entry in merged["contexts"]] == ["prod", "baton"]
    assert merged["contexts"][1]["context"] == {"cluster": "baton", "user": "baton", "namespace": "dev"}
    assert merged["clusters"][1]["cluster"]["server"] == "https://127.0.0.1:6443"


def test_merging_twice_changes_nothing(tmp_path, source):
    """The entries of that name are replaced, not doubled."""
    target = tmp_path / "config"
    kubeconfig.merge(source, target, "baton")
    first = target.read_text()

    kubeconfig.merge(source, target, "baton")

    assert target.read_text() == first
    assert yaml.safe_load(first)["current-context"] == "baton"


def test_the_file_is_for_its_owner_only(tmp_path, source):
    """It holds a token."""
    target = tmp_path / "sub" / "config"

    kubeconfig.merge(source, target, "baton")

    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["[]", "clusters: 1", "a: [", "text"])
def test_what_is_no_kubeconfig_is_left_alone(tmp_path, source, content):
    """The message names the file."""
    target = tmp_path / "config"
    target.write_text(content)

    with pytest.raises(kubeconfig.KubeconfigError, match=str(target)):
        kubeconfig.merge(source, target, "baton")

    assert target.read_text() == content
