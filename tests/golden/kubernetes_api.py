"""Replay what a real kube-apiserver was asked and compare the answers.

``PYTHONPATH=include python -m tests.golden.kubernetes_api`` prints the summary.

The recording (``kubernetes-api-v1.36.2.json``) is 173 requests in order with no kubelet and no scheduler behind the
server. To get the same here, the node is cordoned first: pods stay Pending, and the condition by which our scheduler
says so is left out. What must differ from run to run is made alike before the comparison: uids, generated names,
versions and page tokens are replaced by ours, times and ages by a word; ``managedFields``, the prose in Table columns'
descriptions and the release's storage hashes are left out. The recorded server ran without the ServiceAccount
admission, so the pods' account (always ``default``) and its token are left out too.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import yaml

from local_kubernetes.testing import LocalKubernetes

HERE = Path(__file__).parent
RECORDING = HERE / "kubernetes-api-v1.36.2.json"
DIFFERENCES = HERE / "kubernetes-api-differences.yaml"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_LEFT_OUT = frozenset({"managedFields", "storageVersionHash", "serviceAccount", "serviceAccountName"})
_TOO_OLD = re.compile(r"resource version: \d+ \(\d+\)")
_AGE = re.compile(r"\d+[smhd](\d+[smh])?")
_SETTLE_SECONDS = 3.0
_MAX_RECORDED_LENGTH = 6000  # characters of a watch's body
LEVELS = {
    "same": "agree entirely",
    "subset": "agree in what is served here, and list nothing else",
    "status": "agree by status only",
    "different": "differ",
}
# Answers that controllers bring about: they are asked for again until they agree.
EVENTUALLY = frozenset(
    {"job after a second", "jobs table", "job's pods", "indexed job's pods", "job suspended", "pods after delete",
     "deployments table", "scale"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded exchange."""

    name: str
    request: dict[str, Any]
    response: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far one answer agrees.

    :param level: one of ``LEVELS``.
    :param paths: where the bodies differ, list positions left out.
    """

    name: str
    level: str
    paths: tuple[str, ...]
    detail: str
    refusal: tuple[Any, ...] = ()


def cases() -> list[Case]:
    """The recorded exchanges in their order."""
    return [Case(c["name"], c["request"], c["response"]) for c in json.loads(RECORDING.read_text())["cases"]]


def listed_differences() -> dict[str, dict[str, Any]]:
    """The table of known differences, by the case's name."""
    return dict(yaml.safe_load(DIFFERENCES.read_text()) or {})


@dataclass(slots=True)
class Replay:
    """Sends the requests to a server and remembers which of our values stand for which recorded ones."""

    client: httpx.Client
    token: str
    ours: dict[str, str] = field(default_factory=dict)

    def run(self) -> Iterator[Outcome]:
        """All cases, one after the other."""
        for case in cases():
            outcome = self._case(case)
            end = time.monotonic() + _SETTLE_SECONDS
            while case.name in EVENTUALLY and outcome.level != "same" and time.monotonic() < end:
                time.sleep(0.1)
                outcome = self._case(case)
            if case.name == "create namespace":
                self._want_no_tokens()
            yield outcome

    def _want_no_tokens(self) -> None:
        """Give pods no volume with a token, as the recorded server did not."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/merge-patch+json"}
        account, end = "/api/v1/namespaces/api/serviceaccounts/default", time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < end:
            if self.client.patch(account, json={"automountServiceAccountToken": False}, headers=headers).is_success:
                return
            time.sleep(0.05)

    def _case(self, case: Case) -> Outcome:
        answer = self._send(case)
        recorded, actual = _documents(case.response["body"]), _documents(_parsed(answer.text))
        if len(case.response["body"] or "") == _MAX_RECORDED_LENGTH:
            actual = actual[: len(recorded)]
        self._learn(recorded, actual)
        recorded, actual = normal(self._translated(recorded)), normal(actual)
        if answer.status_code != case.response["status"]:
            return Outcome(
                case.name, "different", ("status",), f"{answer.status_code} {json.dumps(actual)[:600]}", refusal(actual)
            )
        wrong = sorted(set(_differences(recorded, actual, "")))
        if not wrong:
            return Outcome(case.name, "same", (), "")
        level = "subset" if _is_subset(recorded, actual) else "status"
        return Outcome(case.name, level, tuple(wrong), json.dumps(actual)[:1500], refusal(actual))

    def _send(self, case: Case) -> httpx.Response:
        request = case.request
        parts = urlsplit(request["path"])
        query = urlencode([(name, self.ours.get(value, value)) for name, value in parse_qsl(parts.query)])
        body = request.get("body")
        content = body if isinstance(body, str) or body is None else json.dumps(self._translated(body))
        headers = dict(request["headers"])
        if case.name == "wrong token":
            headers["Authorization"] = "Bearer wrong"
        elif request["authenticated"]:
            headers["Authorization"] = f"Bearer {self.token}"
        return self.client.request(request["method"], f"{parts.path}?{query}", headers=headers, content=content)

    def _translated(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._translated(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._translated(inner) for inner in value]
        if isinstance(value, str):
            for theirs, own in self.ours.items():
                if value == theirs or (len(theirs) > 8 and theirs in value):
                    value = value.replace(theirs, own)
        return value

    def _learn(self, recorded: Any, actual: Any) -> None:
        if isinstance(recorded, list) and isinstance(actual, list):
            for one, other in zip(recorded, actual, strict=False):
                self._learn(one, other)
        if not isinstance(recorded, dict) or not isinstance(actual, dict):
            return
        names = ["uid", "resourceVersion", "continue"]
        if "generateName" in recorded:
            names.append("name")
        for name in names:
            if isinstance(recorded.get(name), str) and isinstance(actual.get(name), str):
                self.ours[recorded[name]] = actual[name]
        for name, value in recorded.items():
            self._learn(value, actual.get(name))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _documents(body: Any) -> Any:
    """A body as it is; a watch's lines as a list (the recorder cut the long one: its whole lines count)."""
    if isinstance(body, dict) and set(body) == {"type", "object"}:
        return [body]
    if not isinstance(body, str) or not body.startswith('{"type"'):
        return body
    return [json.loads(line) for line in body.splitlines() if line.endswith("}}")]


def normal(value: Any) -> Any:
    """A body without what differs from run to run."""
    if isinstance(value, dict):
        result = {name: normal(inner) for name, inner in value.items() if name not in _LEFT_OUT}
        if "conditions" in result and isinstance(result["conditions"], list):
            result["conditions"] = [each for each in result["conditions"] if not _is_cordoned(each)]
            result = result if result["conditions"] else {k: v for k, v in result.items() if k != "conditions"}
        if "columnDefinitions" in result:
            result["columnDefinitions"] = [{**column, "description": ""} for column in result["columnDefinitions"]]
        for name in ("resourceVersion", "continue", "serverAddress"):
            if isinstance(result.get(name), str):
                result[name] = f"<{name}>"
        return result
    if isinstance(value, list):
        return [normal(inner) for inner in value]
    if isinstance(value, str):
        return "<age>" if _AGE.fullmatch(value) else _TOO_OLD.sub("<version>", _TIME.sub("<time>", value))
    return value


def _is_cordoned(condition: Any) -> bool:
    return isinstance(condition, dict) and condition.get("reason") == "Unschedulable"


def _differences(recorded: Any, actual: Any, path: str) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(actual, dict):
        for name in {**recorded, **actual}:
            if name not in recorded or name not in actual:
                yield f"{path}.{name}".lstrip(".")
            else:
                yield from _differences(recorded[name], actual[name], f"{path}.{name}")
    elif isinstance(recorded, list) and isinstance(actual, list) and len(recorded) == len(actual):
        for one, other in zip(recorded, actual, strict=True):
            yield from _differences(one, other, f"{path}[]")
    elif recorded != actual:
        yield path.lstrip(".")


def refusal(body: Any) -> tuple[Any, ...]:
    """What a ``Status`` refuses: code, reason, and each cause's reason and field."""
    if not isinstance(body, dict) or body.get("kind") != "Status":
        return ()
    causes = (body.get("details") or {}).get("causes") or []
    return body.get("code"), body.get("reason"), tuple((cause.get("reason"), cause.get("field")) for cause in causes)


def _is_subset(recorded: Any, actual: Any) -> bool:
    """Whether a discovery answer holds nothing but the recording's entries (lists of things with a name)."""
    if isinstance(recorded, dict) and isinstance(actual, dict):
        return set(recorded) == set(actual) and all(_is_subset(recorded[name], actual[name]) for name in recorded)
    if isinstance(recorded, list) and isinstance(actual, list) and all(isinstance(i, dict) for i in actual):
        theirs = {_name(item): item for item in recorded}
        return all(_name(item) in theirs and _is_subset(theirs[_name(item)], item) for item in actual)
    return bool(recorded == actual)


def _name(item: dict[str, Any]) -> str:
    named = item.get("name") or item.get("resource") or item.get("subresource") or item.get("version")
    return str(named or (item.get("metadata") or {}).get("name") or "")


def connect(server: LocalKubernetes) -> tuple[httpx.Client, str]:
    """A client for the kubeconfig's address and authority, and the token."""
    config = yaml.safe_load(server.kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    return httpx.Client(base_url=cluster["server"], verify=context, trust_env=False, timeout=30), user["token"]


def replay(server: LocalKubernetes) -> list[Outcome]:
    """The outcomes of all cases on a server whose history begins anew and whose node is cordoned."""
    server.stop()
    server.start()
    client, token = connect(server)
    with client:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"}
        client.patch("/api/v1/nodes/local", json={"spec": {"unschedulable": True}}, headers=headers)
        return list(Replay(client, token).run())


def write(outcomes: list[Outcome]) -> None:
    """Write the table anew: reasons stay, a new difference waits for one (and fails the test until it has it)."""
    known = listed_differences()
    table = {
        one.name: {
            "level": one.level,
            "paths": list(one.paths),
            "reason": known.get(one.name, {}).get("reason", ""),
        }
        for one in outcomes
        if one.level != "same"
    }
    DIFFERENCES.write_text(yaml.safe_dump(table, sort_keys=False, allow_unicode=True, width=118))


def main() -> None:
    """Print how many agree and each difference with its reason; ``--answers`` prints ours, ``--write`` the table."""
    with tempfile.TemporaryDirectory() as directory, LocalKubernetes(Path(directory)) as server:
        outcomes = replay(server)
    if "--write" in sys.argv:
        write(outcomes)
    reasons = listed_differences()
    levels = [outcome.level for outcome in outcomes]
    print(f"{len(outcomes)} exchanges recorded from a real kube-apiserver:")
    for level, words in LEVELS.items():
        print(f"{levels.count(level):5} {words}")
    for outcome in outcomes:
        if outcome.level != "same":
            print(f"- {outcome.name}: {LEVELS[outcome.level]}: {reasons.get(outcome.name, {}).get('reason', '?')}")
            print(f"    differs in: {', '.join(outcome.paths) or 'the whole body'}")
            if "--answers" in sys.argv:
                print(f"    {outcome.detail}")


if __name__ == "__main__":
    main()
