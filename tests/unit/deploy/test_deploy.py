"""Deployment files agree with each other and with the code; no Docker and no cluster is needed to see that."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from baton.functions.hook import PROTOCOLS
from baton_local.object_store import GRANTS
from baton_local.stage_secrets import NEEDS

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "docker-compose.yaml"
KUBERNETES = ROOT / "deploy" / "kubernetes"
ONE_SHOT = {"airflow-init", "shop", "buckets", "cluster", "workloads"}


def variables(text: str) -> dict[str, str]:
    """Assignments of an env file."""
    return dict(re.findall(r"^(\w+)=(.*)$", text, flags=re.MULTILINE))


@pytest.fixture
def services() -> dict[str, Any]:
    """The services of docker-compose.yaml."""
    content: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())
    return content["services"]


def make_env() -> dict[str, Any]:
    """The names of deploy/compose/make_env.py."""
    return runpy.run_path(str(ROOT / "deploy" / "compose" / "make_env.py"))


def test_compose_uses_exactly_the_variables_of_the_example() -> None:
    """None is missing, none is left over."""
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE.read_text()))
    assert used == set(variables((ROOT / ".env.example").read_text()))


def test_no_password_stands_in_compose(services: dict[str, Any]) -> None:
    """Each secret variable is taken from .env, never given a default."""
    secret = {name for name, value in variables((ROOT / ".env.example").read_text()).items() if not value}
    assert not re.findall(rf"\$\{{({'|'.join(secret)}):?-", COMPOSE.read_text())
    for service in services.values():
        for name, value in (service.get("environment") or {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|KEY$", name):
                assert str(value).startswith(("${", "/opt/airflow/auth/")), name


def test_every_empty_value_becomes_a_secret_of_its_own() -> None:
    """Defaults stay; secrets are long, and no two are equal."""
    example = (ROOT / ".env.example").read_text()
    before, after = variables(example), variables(make_env()["generate"](example))
    made = [after[name] for name, value in before.items() if not value]
    assert {name: value for name, value in after.items() if before[name]} == {k: v for k, v in before.items() if v}
    assert len(set(made)) == len(made)
    assert all(len(value) >= 20 for value in made)


def test_an_existing_env_file_is_kept(tmp_path: Path) -> None:
    """New secrets would lock everyone out of the old volumes."""
    script = tmp_path / "deploy" / "compose" / "make_env.py"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / "deploy" / "compose" / "make_env.py", script)
    shutil.copy(ROOT / ".env.example", tmp_path)
    assert subprocess.run(["python3", script], check=False, capture_output=True).returncode == 0
    first = (tmp_path / ".env").read_text()
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert subprocess.run(["python3", script], check=False, capture_output=True).returncode == 1
    assert (tmp_path / ".env").read_text() == first


def test_every_lasting_service_says_whether_it_is_healthy(services: dict[str, Any]) -> None:
    """`docker compose up --wait` waits for health."""
    assert {name for name, service in services.items() if "healthcheck" not in service} == ONE_SHOT


def test_every_port_is_on_loopback_only(services: dict[str, Any]) -> None:
    """Nobody else on the network reaches a part."""
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert len(ports) >= 6
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("stage", NEEDS)
def test_each_stage_gets_its_own_secret_and_nothing_else(stage: str) -> None:
    """The examples have the variables that the stack on one machine gives the same stage."""
    example = variables((KUBERNETES / "secrets" / f"{stage}.env.example").read_text())
    access = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"} if stage in GRANTS else set()
    assert set(example) == {*NEEDS[stage], *access}
    generated = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["secretGenerator"]
    assert {"name": f"baton-{stage}", "envs": [f"secrets/{stage}.env"]} in generated


def test_each_stage_reaches_the_buckets_that_the_code_grants_it() -> None:
    """SeaweedFS' identities say the same as the policies of the stack on one machine."""
    identities = json.loads(yaml.safe_load(COMPOSE.read_text())["configs"]["s3"]["content"])["identities"]
    actions = {identity["name"]: set(identity["actions"]) for identity in identities}
    assert actions.pop("admin") == {"Admin"}
    verbs = {"s3:GetObject": "Read", "s3:PutObject": "Write", "s3:ListBucket": "List"}
    assert actions == {
        stage: {f"{verbs[name]}:{bucket}" for bucket, names in buckets.items() for name in names if name in verbs}
        for stage, buckets in GRANTS.items()
    }


def test_the_addresses_of_the_services_are_those_of_compose(services: dict[str, Any]) -> None:
    """Pods reach PostgreSQL and S3 where compose puts them."""
    manifests = yaml.safe_load_all((ROOT / "deploy" / "compose" / "kubernetes" / "services.yaml").read_text())
    slices = {item["metadata"]["name"]: item for item in manifests if item["kind"] == "EndpointSlice"}
    for name, item in slices.items():
        assert item["endpoints"][0]["addresses"] == [services[name]["networks"]["default"]["ipv4_address"]]


def test_functions_are_reached_in_compose_and_on_a_cluster(services: dict[str, Any]) -> None:
    """By connections of the names that DAGs use; the gateway has what its functions' stack.yaml names."""
    stack = yaml.safe_load((ROOT / "include" / "functions" / "stack.yaml").read_text())["functions"]
    needed = {"FUNCTIONS_DEFAULT", "FUNCTION_CALLBACKS", "SHOP"}
    given = services["airflow-scheduler"]["environment"]
    found = {name: json.loads(given[f"AIRFLOW_CONN_{name}"]) for name in needed}
    assert {found[name]["host"] for name in needed} == {"gateway", "airflow-api-server", "postgres"}
    assert found["FUNCTIONS_DEFAULT"]["extra"]["protocol"] in PROTOCOLS

    gateway = services["gateway"]
    options = dict(word.removeprefix("--").split("=") for word in gateway["command"][4:])
    assert int(options["port"]) == found["FUNCTIONS_DEFAULT"]["port"]
    assert gateway["environment"]["BATON_GATEWAY_PASSWORD"] == found["FUNCTIONS_DEFAULT"]["password"]
    mounted = {item["target"] for item in gateway["configs"]}
    assert mounted == {f"{options['secrets']}/{name}" for function in stack.values() for name in function["secrets"]}
    for folder in (options["queue-file"].rpartition("/")[0], gateway["command"][3].partition("/functions/")[0]):
        assert folder in {volume.split(":")[1] for volume in gateway["volumes"]}

    values = yaml.safe_load((ROOT / "deploy" / "helm" / "values.yaml").read_text())
    secret = {item["envName"]: item["secretKey"] for item in values["secret"]}
    assert {f"AIRFLOW_CONN_{name}" for name in needed} <= set(secret)
    text = (ROOT / "docs" / "cluster.md").read_text()
    assert all(f"--from-file={key}=" in text for key in secret.values())


def test_the_gateways_command_in_compose_is_one_that_it_takes(services: dict[str, Any]) -> None:
    """With its options; that it goes no further is the missing password's doing."""
    command = [sys.executable, *services["gateway"]["command"][1:]]
    ended = subprocess.run(
        command, check=False, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "include")}
    )
    assert "set BATON_GATEWAY_PASSWORD" in ended.stderr


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_the_manifests_render(tmp_path: Path) -> None:
    """`kubectl kustomize` makes the namespace, the Role and one Secret for each stage, all in the namespace.

    The files are made as docs/cluster.md says.
    """
    deploy = tmp_path / "deploy"
    shutil.copytree(ROOT / "deploy", deploy)
    [copying] = re.findall(r"^ *(for example in .*)$", (ROOT / "docs" / "cluster.md").read_text(), re.MULTILINE)
    subprocess.run(["bash", "-c", copying], cwd=deploy / "kubernetes" / "secrets", check=True)
    command = ["kubectl", "kustomize", str(deploy / "compose" / "kubernetes")]
    items = list(yaml.safe_load_all(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    secrets = {item["metadata"]["name"] for item in items if item["kind"] == "Secret"}
    assert secrets == {f"baton-{stage}" for stage in NEEDS}
    assert {item["metadata"].get("namespace", "baton") for item in items} == {"baton"}


@pytest.mark.parametrize("script", ["cluster.sh", "databases.sh"])
def test_the_scripts_are_well_formed(script: str) -> None:
    """The shell reads them to their end."""
    assert subprocess.run(["bash", "-n", ROOT / "deploy" / "compose" / script], check=False).returncode == 0


def test_the_watch_is_told_by_its_secret_what_it_asks_for() -> None:
    """The example names variables that the watch reads, and only those; two looks never overlap."""
    example = set(variables((KUBERNETES / "secrets" / "watch.env.example").read_text()))
    sources = [*(ROOT / "include/baton_workloads/watch").glob("*.py"), ROOT / "docs/failure-notices.md"]
    documented = set(re.findall(r"BATON_[A-Z_]+[A-Z]", "".join(path.read_text() for path in sources)))
    known = documented | {name.replace("NOTICE", "ESCALATION") for name in documented}
    assert example - {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"} <= known
    cronjob = yaml.safe_load((KUBERNETES / "watch.yaml").read_text())
    assert cronjob["spec"]["concurrencyPolicy"] == "Forbid"
    container = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert container["envFrom"] == [{"secretRef": {"name": "baton-watch"}}]
