"""CronJobs made of what is no manifest: of a crontab's lines, of systemd's timers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from baton.cronjobs.manifests.files import Manifest, Problem
from kubernetes_values import MAX_CRONJOB_NAME_LENGTH


@dataclass
class JobsRead:
    """What was found."""

    manifests: list[Manifest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def cronjob_content(
    name: str,
    schedule: str,
    image: str,
    command: Sequence[str],
    *,
    variables: Mapping[str, str],
    zone: str | None,
    folder: str | None = None,
) -> dict[str, Any]:
    """A CronJob that runs a command once and tries nothing again, as those programs do."""
    container = {
        "name": "run",
        "image": image,
        "command": list(command),
        **({"workingDir": folder} if folder else {}),
        **({"env": [{"name": key, "value": value} for key, value in variables.items()]} if variables else {}),
    }
    pod = {"restartPolicy": "Never", "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {
            "schedule": schedule,
            **({"timeZone": zone} if zone else {}),
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}},
        },
    }


def free_name(word: str, taken: set[str]) -> str:
    """A name after a word, with a number where it is taken; it is taken then."""
    plain = re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")[: MAX_CRONJOB_NAME_LENGTH - 4].strip("-") or "job"
    numbered = (f"{plain}-{number + 1}" if number else plain for number in range(len(taken) + 1))
    name = next(each for each in numbered if each not in taken)
    taken.add(name)
    return name
