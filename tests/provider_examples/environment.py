"""What the examples expect around them: images, objects in the cluster, and Kueue, which lets queued Jobs start."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from baton_local.component import Component
from baton_local.local_cluster import LocalCluster
from baton_local.stack import Stack

HERE = Path(__file__).parent
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
WATCH_SECONDS = 5


class ExampleCluster(LocalCluster):
    """The stack's local Kubernetes with the examples' images."""

    def component(self) -> Component:
        """The server process; of an option that is given twice the last one counts."""
        usual = super().component()
        return dataclasses.replace(usual, command=[*usual.command, "--images", str(HERE / "images.yaml")])


def with_images(stack: Stack) -> Stack:
    """The stack before its start, with the examples' images instead of the project's."""
    usual = stack.cluster
    stack.cluster = ExampleCluster(usual.layout, usual.port, usual.isolation, usual.slow)
    return stack


def api_client(stack: Stack) -> Any:
    """The official client's connection to the stack's Kubernetes."""
    from kubernetes import config

    return config.new_client_from_config(str(stack.layout.kubeconfig))


def make_objects(stack: Stack) -> list[str]:
    """Create what the examples expect to find; returns what the server refused, a sentence for each.

    Why not fail: an example that does without it shall run all the same.
    """
    from kubernetes import utils

    refused: list[str] = []
    for path in sorted((HERE / "kubernetes_objects").glob("*.yaml")):
        try:
            utils.create_from_yaml(api_client(stack), str(path))
        except utils.FailToCreateError as err:
            refused += [f"{path.name}: {error.status} {error.reason} {error.body}" for error in err.api_exceptions]
    return refused


@contextmanager
def kueue(stack: Stack) -> Iterator[None]:
    """Meanwhile let Jobs start that wait in a queue, as Kueue's controller does while there is quota."""
    ended = threading.Event()
    admission = threading.Thread(target=_admit_jobs, args=(stack, ended))
    admission.start()
    try:
        yield
    finally:
        ended.set()
        admission.join()


def _admit_jobs(stack: Stack, ended: threading.Event) -> None:
    from kubernetes import client, watch

    batch = client.BatchV1Api(api_client(stack))
    while not ended.is_set():
        jobs = watch.Watch().stream(
            batch.list_job_for_all_namespaces, label_selector=QUEUE_LABEL, timeout_seconds=WATCH_SECONDS
        )
        for job in (event["object"] for event in jobs):
            if job.spec.suspend and job.metadata.deletion_timestamp is None:
                batch.patch_namespaced_job(job.metadata.name, job.metadata.namespace, {"spec": {"suspend": False}})
