"""Whatever gives a container arguments alone has an image with an entry point, and a command that there is.

What pods of manifests run is looked for in every YAML file of the project, so that a new one is found by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from baton_workloads.__main__ import workloads
from local_kubernetes.dockerfile import read

ROOT = Path(__file__).parents[3]
IMAGE = read(ROOT / "include" / "baton_workloads" / "Dockerfile")
PROGRAM = ["python", "-m", "baton_workloads"]
ENTRY_POINTS_OF_OTHERS = (
    *("apache/airflow", "baton-airflow", "postgres", "chrislusf/seaweedfs", "rancher/k3s", "registry.k8s.io/kubectl"),
    *("curlimages/curl",),
)
"""Images of others whose entry point their documentation promises, so that arguments alone are enough."""
Container = tuple[str, str, list[str] | None, list[str]]
"""Where it stands, its image, its command, its arguments."""


def yaml_files() -> list[Path]:
    """Every manifest, the examples among them."""
    folders = [ROOT / "include", ROOT / "deploy", ROOT / "docs"]
    found = [path for folder in folders for path in folder.rglob("*") if re.search(r"\.ya?ml(\.example)?$", path.name)]
    return sorted(path for path in found if ".venv" not in path.parts)


def containers_in(node: Any, where: str) -> Iterator[Container]:
    """The containers of pods, however deep they stand."""
    if isinstance(node, dict):
        for key in ("containers", "initContainers"):
            for each in node.get(key) or () if isinstance(node.get(key), list) else ():
                yield where, str(each.get("image")), each.get("command"), [str(word) for word in each.get("args") or ()]
        for value in node.values():
            yield from containers_in(value, where)
    elif isinstance(node, list):
        for value in node:
            yield from containers_in(value, where)


def manifests() -> list[Container]:
    """All containers of all manifests."""
    found: list[Container] = []
    for path in yaml_files():
        for document in yaml.safe_load_all(path.read_text()):
            found += containers_in(document, str(path.relative_to(ROOT)))
    return found


def compose() -> list[Container]:
    """The services: their `command` is what a pod calls `args`."""
    services = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
    return [
        (f"docker-compose.yaml: {name}", each["image"], each.get("entrypoint"), words(each.get("command")))
        for name, each in services.items()
    ]


def words(command: str | list[str] | None) -> list[str]:
    """A command of compose as a list."""
    return command.split() if isinstance(command, str) else [str(word) for word in command or ()]


def is_ours(image: str) -> bool:
    """Whether it is the workloads' image, under whatever registry and tag."""
    return "baton-workloads" in image


def check_workload(argv: list[str]) -> None:
    """The command line is one that the workloads have."""
    assert argv[:3] == PROGRAM, argv
    rest, command, context = argv[3:], workloads, click.Context(workloads)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("--"):
        name, found, rest = command.resolve_command(context, rest)
        command, context = found, click.Context(found, info_name=name, parent=context)
    assert rest == ["--help"] or not isinstance(command, click.Group), argv


EVERYTHING = [*manifests(), *compose()]


def test_the_manifests_are_found() -> None:
    """A search that finds nothing would prove nothing."""
    places = {where.partition(":")[0] for where, *_ in EVERYTHING}
    assert {"include/cronjobs/signatures.yaml", "deploy/kubernetes/watch.yaml", "docker-compose.yaml"} <= places
    alone = {where for where, image, command, args in EVERYTHING if is_ours(image) and not command and args}
    assert len(alone) >= 3


@pytest.mark.parametrize(("where", "image", "command", "args"), EVERYTHING, ids=[each[0] for each in EVERYTHING])
def test_a_container_has_something_to_run(where: str, image: str, command: list[str] | None, args: list[str]) -> None:
    """Arguments alone need an entry point: else they are taken for the program, and no container starts."""
    if is_ours(image):
        check_workload([*(command or IMAGE.entrypoint), *(args or ([] if command else IMAGE.command))])
    elif args and not command:
        name = image.partition("@")[0].rpartition(":")[0] or image
        assert name.removeprefix("docker.io/") in ENTRY_POINTS_OF_OTHERS, f"{where}: {image} has no known entry point"
