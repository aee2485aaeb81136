"""Every right that `deploy/kubernetes` grants has the sentence that needs it; one too much or too few is found."""

from __future__ import annotations

import copy

import pytest
import yaml
from tests.acceptance.rights import Right, granted, superfluous

from baton_local.accounts import manifests
from baton_local.layout import PROJECT

SENTENCES = yaml.safe_load((PROJECT / "deploy" / "kubernetes" / "rights.yaml").read_text())
ROLES = sorted(m["metadata"]["name"] for m in manifests(PROJECT) if m["kind"] in ("Role", "ClusterRole"))


def needed(role: str) -> set[Right]:
    """The rights of a Role that have a sentence."""
    return {Right(verb, resource) for resource, verbs in SENTENCES[role].items() for verb in verbs}


def test_roles_are_those_of_the_table() -> None:
    """No Role is without its part of the table."""
    assert sorted(SENTENCES) == ROLES


@pytest.mark.parametrize("role", ROLES)
def test_each_right_has_its_sentence_and_each_sentence_its_right(role: str) -> None:
    """Nothing is granted that nobody can say the use of, and nothing missing that is said to be used."""
    assert superfluous(granted(manifests(PROJECT), role), needed(role)) == []
    assert needed(role) <= granted(manifests(PROJECT), role)
    assert all(sentence for verbs in SENTENCES[role].values() for sentence in verbs.values())


def test_planted_rights_are_found() -> None:
    """One more verb in a Role is too much, one fewer is missing."""
    more, fewer = (copy.deepcopy(manifests(PROJECT)) for _ in range(2))
    [role] = [m for m in more if m["metadata"]["name"] == "baton-pods" and m["kind"] == "Role"]
    role["rules"].append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]})
    assert superfluous(granted(more, "baton-pods"), needed("baton-pods")) == [
        "list secrets is granted, and nothing uses it"
    ]
    [role] = [m for m in fewer if m["metadata"]["name"] == "baton-pods" and m["kind"] == "Role"]
    role["rules"][0]["verbs"].remove("watch")
    assert needed("baton-pods") - granted(fewer, "baton-pods") == {Right("watch", "pods")}


def test_no_account_of_airflow_reads_secrets_or_everything() -> None:
    """Only what exports the cluster does, as an account of its own."""
    for role in set(ROLES) - {"baton-backup"}:
        resources = {right.resource for right in granted(manifests(PROJECT), role)}
        assert not {resource for resource in resources if "secret" in resource or "*" in resource}, role
