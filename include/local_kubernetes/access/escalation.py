"""Nobody grants what they do not have: checked when a Role or a binding is made or changed.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from local_kubernetes.errors import forbidden, qualified
from local_kubernetes.resources import Kind

from .attributes import Attributes
from .rbac import GROUP, Grant, Rbac, Rule, covers
from .users import User

Object = dict[str, Any]
_ROLES = ("roles", "clusterroles")
_BINDINGS = ("rolebindings", "clusterrolebindings")


def check(rbac: Rbac, user: User, kind: Kind, obj: Object) -> None:
    """Refuse a Role or binding that gives more than its maker has.

    :raises ApiError: 403, with the rules that are missing.
    """
    if user.is_master or kind.group != GROUP:
        return
    metadata = obj["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata.get("name", "")
    if kind.plural in _ROLES:
        verb, wanted, rules = "escalate", kind.plural, obj.get("rules") or []
    else:
        reference = obj.get("roleRef") or {}
        verb, wanted = "bind", "clusterroles" if reference.get("kind") == "ClusterRole" else "roles"
        rules, name = rbac.rules_of(reference, namespace), reference.get("name", "")
    if rbac.allows(user, Attributes(verb, GROUP, wanted, "", namespace, name)) is not None:
        return
    own = list(rbac.grants(user, namespace))
    missing = [line for rule in rules for line in _missing(rule, own)]
    if missing:
        groups = " ".join(json.dumps(group) for group in user.groups)
        what = f'{qualified(kind.plural, kind.group)} "{metadata.get("name", "")}"'
        raise forbidden(
            f'{what} is forbidden: user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not '
            "currently held:\n" + "\n".join(missing),
            {"name": metadata.get("name", ""), "group": kind.group, "kind": kind.plural},
        )


def _missing(rule: Rule, own: list[Grant]) -> Iterator[str]:
    """What of a rule is not covered, as a real server lists it."""
    verbs = rule.get("verbs") or []
    for path in rule.get("nonResourceURLs") or []:
        if lacking := [verb for verb in verbs if not _held(own, Attributes(verb, path=path))]:
            yield f"{{NonResourceURLs:{_list([path])}, Verbs:{_list(lacking)}}}"
    for group in rule.get("apiGroups") or []:
        for full in rule.get("resources") or []:
            resource, _, part = full.partition("/")
            for name in rule.get("resourceNames") or [""]:
                wanted = (Attributes(verb, group, resource, part, "", name) for verb in verbs)
                if lacking := [each.verb for each in wanted if not _held(own, each)]:
                    names = f", ResourceNames:{_list([name])}" if name else ""
                    resources = f"Resources:{_list([full])}{names}, Verbs:{_list(lacking)}"
                    yield f"{{APIGroups:{_list([group])}, {resources}}}"


def _held(own: list[Grant], wanted: Attributes) -> bool:
    return any(covers(grant.rule, wanted) for grant in own)


def _list(values: list[str]) -> str:
    return f"[{' '.join(json.dumps(value) for value in values)}]"
