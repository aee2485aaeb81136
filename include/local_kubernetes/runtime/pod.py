"""The life of one pod: init containers one after another, containers together, side-cars around them, the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_kubernetes import clock

from . import volumes
from .container_runner import ContainerRunner, EmulatedSidecar
from .environment import ConfigError
from .probes import probe
from .services import NodeServices
from .status import Container, compute, waiting

Object = dict[str, Any]
SIDECAR = "airflow-xcom-sidecar"
_LOG = logging.getLogger(__name__)
_QUIET = ("ContainerCreating", "PodInitializing")


class PodRunner:
    """Runs one pod, or goes on with one that an earlier server has started.

    ``settled`` is set as soon as there is something to tell: a container runs, has ended, or cannot start.
    ``stopping`` is set when the pod is to end, ``killed`` when its grace is over; ``failure`` is reason and message
    when it fails as a whole.
    """

    def __init__(self, pod: Object, node: NodeServices) -> None:
        self.pod = pod
        self.node = node
        self.settled = asyncio.Event()
        self.stopping = asyncio.Event()
        self.failure: tuple[str, str] | None = None
        self.directory: Path = node.directory_of(pod)
        self.killed = False
        self._kill: asyncio.TimerHandle | None = None
        self._inits = self._runners("initContainers", "initContainerStatuses")
        self._mains = self._runners("containers", "containerStatuses")

    @property
    def containers(self) -> list[Container]:
        """All containers, init containers first."""
        return [runner.container for runner in self._all]

    @property
    def _all(self) -> list[ContainerRunner]:
        return [*self._inits, *self._mains]

    def container(self, name: str) -> Container | None:
        """A container by its name."""
        return next((container for container in self.containers if container.name == name), None)

    async def run(self) -> None:
        """Run the pod to its end. Cancelling it leaves the containers running for the next server."""
        deadline = self._watch_deadline()
        sidecars: dict[ContainerRunner, asyncio.Task[None]] = {}
        try:
            self.publish()
            if await self._initialize(sidecars):
                await asyncio.gather(*(runner.run() for runner in self._mains))
            await self._end_sidecars(sidecars)
            self.publish()
        finally:
            self.settled.set()
            for handle in (deadline, self._kill, *sidecars.values()):
                if handle is not None:
                    handle.cancel()

    def stop(self, grace_seconds: float) -> None:
        """Ask all containers to end, and kill them after the grace; asked again, the earlier end counts.

        Side-cars are asked when the containers that they serve have ended.
        """
        if not self.stopping.is_set():
            self.stopping.set()
            if grace_seconds > 0:
                for runner in self._all:
                    if not runner.container.is_sidecar:
                        runner.ask_to_end()
        self._kill_after(grace_seconds)

    def fail(self, reason: str, message: str, grace_seconds: float) -> None:
        """End the pod as Failed, whatever its containers would say."""
        self.failure = (reason, message)
        self.stop(grace_seconds)

    def mounted(self, container: Container, mount_path: str) -> Path | None:
        """What a container sees at a mount path, as a path of this machine."""
        for mount in container.spec.get("volumeMounts") or []:
            if mount["mountPath"].rstrip("/") == mount_path:
                return self.directory / "volumes" / str(mount["name"])
        return None

    def refresh(self, pod: Object, concerns: Callable[[Object], bool]) -> None:
        """Write the files of the volumes anew that a change concerns; one that cannot be written stays as it was."""
        place = self.node.volume_places(pod).pod
        try:
            volumes.refresh(pod, place, self.node.finder(pod), concerns)
        except (ConfigError, OSError) as err:
            _LOG.info("pod %s: volumes not refreshed: %s", pod["metadata"]["name"], err)

    def end_sidecar(self) -> None:
        """Let the XCom side-car end, as its ``kill -2`` does."""
        for runner in self._mains:
            if isinstance(runner, EmulatedSidecar):
                runner.finish()

    def publish(self) -> None:
        """Store what there is to tell now."""
        failure = self.failure if all("running" not in c.state for c in self.containers) else None
        inits, mains = ([runner.container for runner in part] for part in (self._inits, self._mains))
        self.pod = self.node.store_status(self.pod, compute(self.pod, inits, mains, failure))
        part = inits[:1] or mains
        if all((container.state.get("waiting") or {}).get("reason") not in _QUIET for container in part):
            self.settled.set()

    def _runners(self, part: str, statuses: str) -> list[ContainerRunner]:
        known = {status["name"]: status for status in (self.pod.get("status") or {}).get(statuses) or []}
        waits = part == "initContainers" or bool(self.pod["spec"].get("initContainers"))
        result = []
        for spec in self.pod["spec"].get(part) or []:
            container = Container(spec, is_init=part == "initContainers")
            container.state = waiting("PodInitializing" if waits else "ContainerCreating")
            if spec["name"] in known:
                status = known[spec["name"]]
                container.state, container.last_state = status["state"], status["lastState"]
                container.restarts = status["restartCount"]
                container.probed = status["ready"] or probe(spec, "readinessProbe") is None
            kind = EmulatedSidecar if spec["name"] == SIDECAR else ContainerRunner
            result.append(kind(container, self))
        return result

    async def _initialize(self, sidecars: dict[ContainerRunner, asyncio.Task[None]]) -> bool:
        """Run the init containers, and start the side-cars among them; whether the others may run now."""
        for runner in self._inits:
            if runner.container.is_sidecar:
                sidecars[runner] = asyncio.create_task(runner.run())
                await runner.started.wait()
            else:
                await runner.run()
                if runner.container.exit_code != 0:
                    return False
        return True

    async def _end_sidecars(self, sidecars: dict[ContainerRunner, asyncio.Task[None]]) -> None:
        """End the side-cars, the last one first."""
        self.stopping.set()
        if sidecars:
            self._kill_after(float(self.pod["spec"]["terminationGracePeriodSeconds"]))
        for runner, task in reversed(sidecars.items()):
            runner.ask_to_end()
            await task

    def _kill_after(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + max(0.0, seconds)
        if self._kill is None or end < self._kill.when():
            if self._kill is not None:
                self._kill.cancel()
            self._kill = loop.call_at(end, self._kill_all)

    def _kill_all(self) -> None:
        self.killed = True
        for runner in self._all:
            runner.kill()

    def _watch_deadline(self) -> asyncio.TimerHandle | None:
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return None
        start = (self.pod.get("status") or {}).get("startTime") or clock.now()
        left = clock.parse(start) + float(seconds) - clock.unix()
        message = "Pod was active on the node longer than the specified deadline"
        grace = float(self.pod["spec"]["terminationGracePeriodSeconds"])
        return asyncio.get_running_loop().call_later(max(0.0, left), self.fail, "DeadlineExceeded", message, grace)
