"""Replay what was done to pods and Jobs on a real node, and compare what became of them.

``PYTHONPATH=include python -m tests.golden.kubelet [NAME…]`` prints the summary; ``--write`` writes the table of
differences, ``--details`` prints what differs.

The recording (``kubelet-v1.36.2.json``) is 252 scenarios. Each is played again: its objects are made, and what was done
to them is done as soon as they have come as far as the recorded ones had. Order, states, events, logs and answers are
compared, times are not. Left out: kubectl's own texts, whole objects, and requests that the recording does not hold.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from local_kubernetes.testing import LocalKubernetes

from .kubelet_actions import Api, Scene
from .kubelet_story import Story, body, generated, normal, plain_output

Object = dict[str, Any]
HERE = Path(__file__).parent
INCLUDE = HERE.parents[1] / "include"
RECORDING = HERE / "kubelet-v1.36.2.json"
DIFFERENCES = HERE / "kubelet-differences.yaml"
LEVELS = {"same": "agree entirely", "states": "agree in states and order", "different": "differ"}
AT_ONCE = int(os.environ.get("GOLDEN_AT_ONCE", "24"))
# These need the node for themselves: it is cordoned or tainted, or its room counts.
ALONE = frozenset(
    {"node-cordoned", "node-tainted", "node-label-comes-later", "preemption", "cpu-held-by-terminating",
     "cpu-freed-by-completion", "unschedulable-cpu", "unschedulable-memory-and-cpu", "node-name-direct-too-much-cpu",
     "job-unschedulable-deadline"}
)  # fmt: skip
QUICK_SECONDS = 5.0
# Said by how the node of the recording is made, or by how ours is: not compared.
# Programs that the recording's images have.
_TOOLS = {
    "segv": "kill -SEGV $$",
    "term": "exec sleep 1000",
    "eat": f"exec {sys.executable} -c 'b = []\nwhile True: b.append(b\"x\" * (1 << 20))'",
}
_OWN_EVENTS = frozenset({"Pulling", "Pulled", "Unsupported", "MissingClusterDNS"})


@dataclass(frozen=True, slots=True)
class Scenario:
    """One recorded scenario."""

    name: str
    objects: list[Object]
    timeline: list[list[Any]]
    events: list[list[Any]]
    logs: dict[str, Object]
    extra: dict[str, Any]

    @property
    def seconds(self) -> float:
        """How long it took on the real node."""
        return float(self.timeline[-1][0]) if self.timeline else 0.0


@dataclass(slots=True)
class Outcome:
    """How far a scenario agrees. ``parts`` names what differs, ``details`` shows it: recorded, then ours."""

    name: str
    parts: list[str] = field(default_factory=list)
    details: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """One of ``LEVELS``."""
        if not self.parts:
            return "same"
        return "different" if any(part.startswith("states") for part in self.parts) else "states"

    def compare(self, part: str, recorded: Any, ours: Any) -> None:
        """Note a difference."""
        if recorded != ours:
            self.parts.append(part)
            self.details[part] = (recorded, ours)


def scenarios() -> list[Scenario]:
    """The recorded scenarios in their order."""
    return [
        Scenario(s["name"], s["objects"], s["timeline"], s["events"], s["logs"], s.get("extra") or {})
        for s in json.loads(RECORDING.read_text())
    ]


def listed_differences() -> dict[str, Any]:
    """The table: ``causes``, and by scenario what differs and for which causes."""
    return dict(yaml.safe_load(DIFFERENCES.read_text()) or {}) if DIFFERENCES.exists() else {}


def compare(scenario: Scenario, scene: Scene) -> Outcome:
    """What a played scenario has in common with its recording."""
    outcome = Outcome(scenario.name)
    jobs = scene.jobs
    recorded = stories(scenario.timeline)
    names = scene.names(recorded)
    for title, story in recorded.items():
        if story.kind not in ("pod", "job"):
            continue
        ours = scene.stories.get(names.get(title, title), Story(story.kind))
        quick = story.quick() | ours.quick()
        said = generated(title, jobs)
        outcome.compare(f"states of {said}", story.states(quick), ours.states(quick))
        if story.kind == "job":
            outcome.compare(f"states of {said}: counters", story.counts(), ours.counts())
        outcome.compare(f"conditions of {said}", _plain(story.conditions(), jobs), _plain(ours.conditions(), jobs))
    outcome.compare("events", _events((e for _, e in scenario.events), jobs), _events(scene.events, jobs))
    for key, answer in scenario.logs.items():
        said = generated(key, jobs)
        if key in scene.logs:
            outcome.compare(f"log {said}", body(answer, jobs), body(scene.logs[key], jobs))
    for key, answer in scenario.extra.items():
        if key in scene.extra:
            outcome.compare(f"extra {key}", _session(answer), _session(scene.extra[key]))
    kept = [
        i for i, (what, _) in enumerate(scene.expected) if "RANDOM" not in what
    ]  # its Job took it along, or not yet
    outcome.compare("answers", [scene.expected[i] for i in kept], [scene.answers[i] for i in kept])
    return outcome


def stories(timeline: Iterable[list[Any]]) -> dict[str, Story]:
    """The recorded stories by ``pod/NAME`` and ``job/NAME``."""
    found: dict[str, Story] = {}
    for seconds, title, *rest in timeline:
        if title != "action":
            found.setdefault(title, Story(title.partition("/")[0])).rows.append((seconds, rest[0], rest[1]))
    return found


def _plain(conditions: dict[str, Any], jobs: Iterable[str]) -> dict[str, Any]:
    return {
        name: [generated(normal(str(word)), jobs) if word else None for word in words]
        for name, words in conditions.items()
    }


def _events(events: Iterable[Object], jobs: Iterable[str]) -> list[str]:
    kept = set()
    for event in events:
        if event["reason"] not in _OWN_EVENTS:
            message = plain_output(normal(event["message"].replace(" to local", " to node-1")))
            text = f"{event['object']} {event.get('fieldPath', '')} {event['type']} {event['reason']}: {message}"
            kept.add(generated(text, jobs))
    return sorted(kept)


def _session(answer: Any) -> Any:
    if not isinstance(answer, dict):
        return answer
    kept = {
        name: answer[name] for name in ("status", "stdout", "stderr", "error") if answer.get(name) not in (None, "")
    }
    if answer.get("status") != 101:
        kept["body"] = body(answer)[1]
    return json.loads(plain_output(normal(json.dumps(kept, sort_keys=True))))


async def _play(server: LocalKubernetes, wanted: list[Scenario], at_once: int) -> list[Outcome]:
    config = yaml.safe_load(server.kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    import base64

    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    places = asyncio.Semaphore(at_once)

    async with Api(cluster["server"], context, user["token"], "golden") as api:

        async def one(scenario: Scenario) -> Outcome:
            async with places:
                scene = Scene(api, scenario)
                try:
                    await scene.play()
                except Exception as err:  # the others go on; the table says what went wrong
                    outcome = Outcome(scenario.name, ["states"])
                    outcome.details["states"] = ("played", repr(err))
                    return outcome
                return compare(scenario, scene)

        return list(await asyncio.gather(*map(one, wanted)))


def replay(directory: Path, wanted: list[Scenario]) -> list[Outcome]:
    """Play scenarios: most of them at once, those that need the node for themselves one by one on a small node."""
    images = HERE / "kubelet-images.yaml"
    tools = directory / "tools"
    tools.mkdir()
    (tools / "python").symlink_to(sys.executable)
    for name, script in _TOOLS.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    busybox = shutil.which("busybox")
    for name in ("sh", "ls", "id") if busybox else ():
        (tools / name).symlink_to(str(busybox))
    variables = {"tools": tools, "venv": Path(sys.executable).parent, "include": INCLUDE}
    common = ["--namespace", "golden", "--allow-host-path"]
    common += [word for name, value in variables.items() for word in ("--image-var", f"{name}={value}")]
    # The longest first, so that all of them together take little longer than that.
    together = sorted((each for each in wanted if each.name not in ALONE), key=lambda each: -each.seconds)
    alone = [each for each in wanted if each.name in ALONE]
    outcomes: dict[str, Outcome] = {}
    small = ["--allocatable", "cpu=2", "--allocatable", "memory=8Gi"]
    for part, more, at_once in ((together, [], AT_ONCE), (alone, small, 1)):
        if part:
            place = directory / f"server-{at_once}"
            place.mkdir()
            with LocalKubernetes(place, [*common, *more], images=images) as server:
                played = asyncio.run(_play(server, part, at_once))
                outcomes |= {outcome.name: outcome for outcome in played}
    return [outcomes[each.name] for each in wanted]


def quick(wanted: Iterable[Scenario]) -> list[Scenario]:
    """Those that the ordinary test run plays."""
    return [each for each in wanted if each.seconds <= QUICK_SECONDS]


def write(outcomes: list[Outcome]) -> None:
    """Write the table anew: causes stay, a new difference waits for one (and fails the test until it has it)."""
    known = listed_differences()
    table = {
        each.name: {
            "level": each.level,
            "parts": sorted(each.parts),
            "causes": known.get("scenarios", {}).get(each.name, {}).get("causes", []),
        }
        for each in outcomes
        if each.level != "same"
    }
    content = {"causes": known.get("causes", {}), "scenarios": {**known.get("scenarios", {}), **table}}
    for each in outcomes:
        if each.level == "same":
            content["scenarios"].pop(each.name, None)
    DIFFERENCES.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=118))


def main() -> None:
    """Print how many agree and what differs."""
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    wanted = [each for each in scenarios() if not names or each.name in names]
    if "--quick" in sys.argv:
        wanted = quick(wanted)
    with tempfile.TemporaryDirectory() as directory:
        outcomes = replay(Path(directory), wanted)
    if "--write" in sys.argv:
        write(outcomes)
    counts = Counter(outcome.level for outcome in outcomes)
    print(f"{len(outcomes)} scenarios recorded from a real kubelet:")
    for level, words in LEVELS.items():
        print(f"{counts[level]:5} {words}")
    for outcome in outcomes:
        if outcome.parts:
            print(f"- {outcome.name}: {LEVELS[outcome.level]}: {', '.join(outcome.parts)}")
            if "--details" in sys.argv:
                for part, (recorded, ours) in outcome.details.items():
                    print(f"    {part}\n      real {json.dumps(recorded)}\n      ours {json.dumps(ours)}")


if __name__ == "__main__":
    main()
