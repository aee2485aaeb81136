"""The image of the workloads holds what they read: no Docker is needed to see that."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]


def test_the_image_holds_the_package_and_what_it_reads_beside_it() -> None:
    """Each COPY names something below the build's context that the ignore file lets through."""
    compose = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
    build = compose["services"]["workloads"]["build"]
    context, dockerfile = ROOT / build["context"], ROOT / build["context"] / build["dockerfile"]
    copies = dict(re.findall(r"^COPY (\S+) (\S+)$", dockerfile.read_text(), flags=re.MULTILINE))
    allowed = re.findall(r"^!(\S+)$", Path(f"{dockerfile}.dockerignore").read_text(), flags=re.MULTILINE)
    assert all((context / source).exists() for source in copies)
    assert all(source.split("/")[0] in allowed for source in copies)
    assert copies["baton_workloads"] == "/opt/baton/baton_workloads"
    assert copies["reports"] == "/opt/baton/reports"
    assert "PYTHONPATH=/opt/baton " in dockerfile.read_text()


def test_the_documented_command_builds_the_same() -> None:
    """docs/cluster.md names the same Dockerfile and context."""
    command = "-f include/baton_workloads/Dockerfile include"
    assert command in (ROOT / "docs" / "cluster.md").read_text()
    assert command in (ROOT / "include" / "baton_workloads" / "Dockerfile").read_text()
