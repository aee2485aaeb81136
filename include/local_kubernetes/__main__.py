"""``python -m local_kubernetes``: run the server, or end the pods that one has left."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import secrets
import sys
from pathlib import Path

from kubernetes_values import canonical

from .images import ImagesFileError
from .node_capacity import RESOURCES
from .runtime.isolation import LEVELS, probe
from .runtime.leftovers import stop_pods
from .server import StartError, serve
from .settings import Settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_kubernetes",
        description="A Kubernetes API on this machine that runs pods as local processes. For development and tests.",
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=("serve", "stop-pods", "probe"),
        default="serve",
        help="serve (default); stop-pods: end what runs in the state directory; probe: show the isolation level",
    )
    parser.add_argument("--state-dir", type=Path, default=Path(".local-kubernetes"), help="everything is kept here")
    parser.add_argument("--port", type=int, default=0, help="0 (default): the last one, or any that is free")
    parser.add_argument(
        "--images",
        type=Path,
        help="YAML file: which runtime stands for which image (default: STATE_DIR/images.yaml, made at first)",
    )
    parser.add_argument(
        "--image-var", action="append", default=[], metavar="NAME=VALUE", help="fills {NAME} in the images file"
    )
    parser.add_argument("--isolation", choices=("auto", *LEVELS), default="auto", help="how pods are kept apart")
    parser.add_argument("--kubeconfig", type=Path, help="written at start (default: STATE_DIR/kubeconfig)")
    parser.add_argument("--namespace", action="append", default=[], help="made at start; the first is the kubeconfig's")
    parser.add_argument("--allow-host-path", action="store_true", help="let pods mount paths of this machine")
    parser.add_argument(
        "--log-limit", type=int, default=256, metavar="MIB", help="how much of a container's log is kept (default: 256)"
    )
    parser.add_argument(
        "--allocatable",
        action="append",
        default=[],
        metavar="RESOURCE=AMOUNT",
        help="what pods may request together, cpu=2 or memory=4Gi (default: no end)",
    )
    parser.add_argument("--end-pods-on-exit", action="store_true", help="end the pods when the server ends")
    parser.add_argument(
        "--slow",
        nargs="?",
        type=int,
        const=-1,
        metavar="SEED",
        help="play a slow cluster: pods stay Pending, watches are cut, requests refused, pods evicted now and then",
    )
    parser.add_argument("--grace", type=float, default=5.0, metavar="SECONDS", help="for stop-pods (default: 5)")
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    variables = dict(entry.partition("=")[::2] for entry in options.image_var)
    state = options.state_dir.resolve()
    return Settings(
        state=state,
        images=(options.images or state / "images.yaml").resolve(),
        kubeconfig=(options.kubeconfig or state / "kubeconfig").resolve(),
        port=options.port,
        isolation=options.isolation,
        image_variables=variables,
        namespaces=tuple(options.namespace) or ("default",),
        allow_host_path=options.allow_host_path,
        end_pods_on_exit=options.end_pods_on_exit,
        slow_seed=secrets.randbelow(1 << 31) if options.slow == -1 else options.slow,
        log_limit_bytes=options.log_limit << 20,
        allocatable=_allocatable(options.allocatable),
    )


def _allocatable(entries: list[str]) -> dict[str, str]:
    found = dict(entry.partition("=")[::2] for entry in entries)
    for name, amount in found.items():
        if name not in RESOURCES or canonical(amount) is None:
            sys.exit(f"error: --allocatable {name}={amount}: give cpu=2 or memory=4Gi")
    return found


def main() -> None:
    """The command line."""
    os.umask(0o077)  # whatever is written here may hold secrets
    parser = _parser()
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    if options.action == "probe":
        found = probe(options.isolation)
        print(f"{found.level}: {found.why}")
        return
    if options.action == "stop-pods":
        print(f"{stop_pods(options.state_dir.resolve(), options.grace)} containers ended")
        return
    try:
        asyncio.run(serve(_settings(options)))
    except (StartError, ImagesFileError) as err:
        sys.exit(f"error: {err}")


if __name__ == "__main__":
    main()
