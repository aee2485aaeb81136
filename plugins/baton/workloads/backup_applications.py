"""Applications that back themselves up, from one table: a pod of their own image writes, a container of ours stores."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from baton.data_file import read_data
from baton.exceptions import PermanentError
from baton.schedules.run_keys import RUN_KEY
from baton.workloads.backup_stages import backup_stage
from baton.workloads.operator import WorkloadOperator

FOLDER = "/backup"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,50}")


@dataclass(frozen=True)
class Application:
    """One application.

    :param command: words; it writes into `/backup`.
    :param check: words of a second command, which reads `/backup` and ends well where that can be restored.
    :param least_percent: what is written has to have so many percent of what the backup before had; 0 for any size.
    :param secrets: Kubernetes Secrets that become its environment.
    :param claims: claim → where it is mounted, read-only.
    """

    name: str
    image: str
    command: list[str]
    secrets: list[str] = field(default_factory=list)
    claims: dict[str, str] = field(default_factory=dict)
    check: list[str] = field(default_factory=list)
    least_percent: int = 50


def read_applications(path: Path) -> list[Application]:
    """Read the table.

    :raises PermanentError: an entry has no name, image or command, or a field that is unknown.
    """
    content = read_data(path)
    if content is None:  # nothing but comments
        return []
    entries = content.get("applications", "") if isinstance(content, dict) else ""
    if not isinstance(entries, list | None):
        raise PermanentError(f"{path.name}: it must hold a list `applications`")
    return [_application(path, number, entry) for number, entry in enumerate(entries or [], start=1)]


def _application(path: Path, number: int, entry: Any) -> Application:
    known = {item.name for item in fields(Application)}
    if not isinstance(entry, dict) or not {"name", "image", "command"} <= set(entry) <= known:
        raise PermanentError(
            f"application {number} in {path.name}: give name, image, command; may have {sorted(known)}"
        )
    lists = isinstance(entry["command"], list) and isinstance(entry.get("check", []), list)
    if not _NAME.fullmatch(str(entry["name"])) or not lists:
        raise PermanentError(
            f"application {number} in {path.name}: the name has small letters, digits and '-', command and check are"
            " lists"
        )
    least = entry.get("least_percent", 0)
    if not isinstance(least, int) or not 0 <= least <= 100:
        raise PermanentError(f"application {number} in {path.name}: least_percent is a number from 0 to 100")
    return Application(**entry)


def application_backup(application: Application) -> WorkloadOperator:
    """Return the task that lets an application write its files, and stores them.

    Why init containers: they have ended well before anything is stored, and their image needs nothing of ours.
    """
    from kubernetes.client import (
        V1Container,
        V1EmptyDirVolumeSource,
        V1EnvFromSource,
        V1PersistentVolumeClaimVolumeSource,
        V1SecretEnvSource,
        V1Volume,
        V1VolumeMount,
    )

    shared = V1VolumeMount(name="backup", mount_path=FOLDER)
    mounts = [V1VolumeMount(name=claim, mount_path=at, read_only=True) for claim, at in application.claims.items()]
    seen = V1VolumeMount(name="backup", mount_path=FOLDER, read_only=True)

    def container(name: str, command: list[str], folder: V1VolumeMount) -> V1Container:
        return V1Container(
            name=name,
            image=application.image,
            command=command,
            env_from=[V1EnvFromSource(secret_ref=V1SecretEnvSource(name=name)) for name in application.secrets],
            volume_mounts=[folder, *mounts],
        )

    checker = [container("check", application.check, seen)] if application.check else []
    claims = [
        V1Volume(
            name=claim,
            persistent_volume_claim=V1PersistentVolumeClaimVolumeSource(claim_name=claim, read_only=True),
        )
        for claim in application.claims
    ]
    words = {
        "--run-key": RUN_KEY, "--name": application.name, "--image": application.image, "--folder": FOLDER,
        "--least-percent": str(application.least_percent),
    }  # fmt: skip
    return backup_stage(
        "archive-files",
        *(word for pair in words.items() for word in pair),
        task_id=f"back_up_{application.name.replace('-', '_')}",
        init_containers=[container("application", application.command, shared), *checker],
        volumes=[V1Volume(name="backup", empty_dir=V1EmptyDirVolumeSource()), *claims],
        volume_mounts=[seen],
    )
