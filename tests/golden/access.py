"""Replay who was allowed what by a real API server: RBAC, tokens, reviews, Pod Security, terminating namespaces.

``PYTHONPATH=include python -m tests.golden.access`` prints the summary; ``--write`` writes the table of differences,
``--details`` prints what differs. The recording (``access-v1.36.2.json``) is requests in order, each as somebody.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from local_kubernetes.testing import LocalKubernetes

from .kubelet_story import normal
from .kubernetes_api import connect

Object = dict[str, Any]
HERE = Path(__file__).parent
RECORDING = HERE / "access-v1.36.2.json"
DIFFERENCES = HERE / "access-differences.yaml"
LEVELS = {"same": "agree entirely", "status": "agree by status and reason", "different": "differ"}
_WORKER = "system:serviceaccount:golden-access:worker"
_GONE_SECONDS = 3.0
_HELD = "/api/v1/namespaces/golden-other/configmaps/held"
# What was there before the first request.
_NAMESPACES = {
    "golden-restricted": {"enforce": "restricted"},
    "golden-baseline": {"enforce": "baseline", "warn": "restricted"},
    "golden": {"enforce": "privileged"},
    "golden-other": {},
    "golden-quota": {},
    "golden-access": {},
}
_RULES = [
    {"verbs": ["get", "list", "watch", "create"], "apiGroups": [""], "resources": ["pods", "pods/log"]},
    {"verbs": ["get", "update"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["one"]},
    {"verbs": ["create"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"]},
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far one answer agrees; ``detail`` shows the recorded one and ours."""

    name: str
    level: str
    detail: tuple[Any, Any]


def cases() -> list[Object]:
    """The recorded requests and answers."""
    return [case for case in json.loads(RECORDING.read_text())["cases"] if "request" in case]


def listed_differences() -> dict[str, Any]:
    """The table of known differences, by the case's name."""
    return dict(yaml.safe_load(DIFFERENCES.read_text()) or {}) if DIFFERENCES.exists() else {}


class Replay:
    """Sends the requests in their order."""

    def __init__(self, client: httpx.Client, token: str) -> None:
        self._client = client
        self._tokens = {"cluster-admin": token}
        self._other_audience = ""

    def prepare(self) -> None:
        """Make what was there before, and the worker's tokens."""
        for name, levels in _NAMESPACES.items():
            labels = {f"pod-security.kubernetes.io/{mode}": level for mode, level in levels.items()}
            self._make("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        core, rbac = "/api/v1/namespaces/golden-access", "/apis/rbac.authorization.k8s.io/v1/namespaces/golden-access"
        self._make(f"{core}/serviceaccounts", {"kind": "ServiceAccount", "metadata": {"name": "worker"}})
        self._make(f"{rbac}/roles", {"kind": "Role", "metadata": {"name": "pods"}, "rules": _RULES})
        subjects = [{"kind": "ServiceAccount", "name": "worker", "namespace": "golden-access"}]
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "pods"}
        binding = {"kind": "RoleBinding", "metadata": {"name": "pods"}, "roleRef": reference, "subjects": subjects}
        self._make(f"{rbac}/rolebindings", binding)
        self._make(
            _HELD.rpartition("/")[0], {"kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["golden/x"]}}
        )
        for audiences in ([], ["other"]):
            asked = {"kind": "TokenRequest", "spec": {"audiences": audiences, "expirationSeconds": 3600}}
            made = self._make(f"{core}/serviceaccounts/worker/token", asked)
            if audiences:
                self._other_audience = made["status"]["token"]
            else:
                self._tokens[_WORKER] = made["status"]["token"]

    def _make(self, path: str, body: Object) -> Object:
        headers = {"Authorization": f"Bearer {self._tokens['cluster-admin']}"}
        answer = self._client.post(path, json=body, headers=headers)
        answer.raise_for_status()
        made: Object = answer.json()
        return made

    def case(self, case: Object) -> Outcome:
        """Send one request and compare."""
        request, recorded = case["request"], case["response"]
        if case["name"] == "namespace gone":
            headers = {"Authorization": f"Bearer {self._tokens['cluster-admin']}"}
            headers["Content-Type"] = "application/merge-patch+json"
            self._client.patch(_HELD, json={"metadata": {"finalizers": None}}, headers=headers)
        answer = self._send(case["name"], request)
        if case["name"] == "namespace gone":
            end = time.monotonic() + _GONE_SECONDS
            while answer.status_code != 404 and time.monotonic() < end:
                time.sleep(0.05)
                answer = self._send(case["name"], request)
        theirs = _shown(recorded["status"], recorded.get("warnings") or [], recorded["body"])
        ours = _shown(answer.status_code, answer.headers.get_list("Warning"), _body(answer))
        if theirs == ours:
            return Outcome(case["name"], "same", (theirs, ours))
        level = "status" if _roughly(theirs) == _roughly(ours) else "different"
        return Outcome(case["name"], level, (theirs, ours))

    def _send(self, name: str, request: Object) -> httpx.Response:
        headers = {key: value for key, value in (request.get("headers") or {}).items() if key != "Authorization"}
        token = self._tokens.get(request["as"], "")
        if name == "token for another audience":
            token = self._other_audience
        if request["as"] == "nobody":
            token = "nonsense" if name == "wrong token" else ""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = request.get("body")
        if request["method"] == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        text = None if body is None else json.dumps(body)
        if name == "TokenReview of the worker" and text:
            text = text.replace("TOKEN", self._tokens[_WORKER])
        path = request["path"].replace("node-1", "local")
        return self._client.request(request["method"], path, headers=headers, content=text)


def _body(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text


def _shown(status: int, warnings: list[str], content: Any) -> Object:
    """What of an answer is compared: of an object what its maker decided, of a refusal everything."""
    if isinstance(content, dict) and content.get("kind") == "Status":
        content = {name: content.get(name) for name in ("message", "reason", "details")}
    elif isinstance(content, dict) and "userInfo" not in str(content.get("status")) and "status" in content:
        content = content["status"] if "Review" in str(content.get("kind")) else content["kind"]
    elif isinstance(content, dict):
        content = content.get("kind")
    text = normal(json.dumps(content, sort_keys=True))
    for quote in ('"', '\\"'):
        text = text.replace(f"{quote}local{quote}", f"{quote}node-1{quote}")
    return {"status": status, "warnings": [normal(each) for each in warnings], "body": json.loads(text)}


def _roughly(shown: Object) -> tuple[Any, ...]:
    content = shown["body"]
    return shown["status"], content.get("reason") if isinstance(content, dict) else None, bool(shown["warnings"])


def replay(server: LocalKubernetes) -> list[Outcome]:
    """The outcomes of all cases."""
    client, token = connect(server)
    with client:
        sending = Replay(client, token)
        sending.prepare()
        return [sending.case(case) for case in cases()]


def write(outcomes: list[Outcome]) -> None:
    """Write the table anew: reasons stay, a new difference waits for one (and fails the test until it has it)."""
    known = listed_differences()
    table = {
        each.name: {"level": each.level, "reason": known.get(each.name, {}).get("reason", "")}
        for each in outcomes
        if each.level != "same"
    }
    DIFFERENCES.write_text(yaml.safe_dump(table, sort_keys=False, allow_unicode=True, width=118))


def main() -> None:
    """Print how many agree and what differs."""
    with tempfile.TemporaryDirectory() as directory, LocalKubernetes(Path(directory), ["--allow-host-path"]) as server:
        outcomes = replay(server)
    if "--write" in sys.argv:
        write(outcomes)
    counts, reasons = Counter(outcome.level for outcome in outcomes), listed_differences()
    print(f"{len(outcomes)} answers of access control recorded from a real API server:")
    for level, words in LEVELS.items():
        print(f"{counts[level]:5} {words}")
    for outcome in outcomes:
        if outcome.level != "same":
            print(f"- {outcome.name}: {LEVELS[outcome.level]}: {reasons.get(outcome.name, {}).get('reason', '?')}")
            if "--details" in sys.argv:
                print(f"      real {json.dumps(outcome.detail[0])}\n      ours {json.dumps(outcome.detail[1])}")


if __name__ == "__main__":
    main()
