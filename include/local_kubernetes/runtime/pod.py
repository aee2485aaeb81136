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
from .status import Container, before_phase, compute, unlocated, waiting, with_states

Object = dict[str, Any]
SIDECAR = "airflow-xcom-sidecar"
_LOG = logging.getLogger(__name__)
_QUIET = ("ContainerCreating", "PodInitializing")
_SHORTEST_GRACE_SECONDS = 2.0  # a kubelet's: a grace of 1 s takes 2 s, and after none SIGKILL comes 2 s after SIGTERM
DEADLINE_EXCEEDED = "DeadlineExceeded"


class PodRunner:
    """Runs one pod, or goes on with one that an earlier server has started.

    ``settled`` is set as soon as there is something to tell: a container runs, has ended, or cannot start.
    ``stopping`` is set when the pod is to end, ``killed`` when its grace is over; ``failure`` is reason and message
    when it fails as a whole. ``asked``: somebody wants it to end; then its containers' ends are told together, as a
    kubelet does.
    """

    def __init__(self, pod: Object, node: NodeServices) -> None:
        self.pod = pod
        self.node = node
        self.settled = asyncio.Event()
        self.stopping = asyncio.Event()
        self.failure: tuple[str, str] | None = None
        self.directory: Path = node.directory_of(pod)
        self.killed = False
        self.asked = False
        self._sidecars_end = False
        self._deadline: asyncio.TimerHandle | None = None
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
        self._watch_deadline()
        sidecars: dict[ContainerRunner, asyncio.Task[None]] = {}
        try:
            self.publish()
            if await self._initialize(sidecars):
                await self._run_mains()
            await self._end_sidecars(sidecars)
            self._finish()
        finally:
            self.settled.set()
            for handle in (self._deadline, self._kill, *sidecars.values()):
                if handle is not None:
                    handle.cancel()

    def stop(self, grace_seconds: float) -> None:
        """Ask all containers to end, and kill them after the grace; whoever asks again changes nothing, unless
        there shall be no grace any more.

        Side-cars are asked when the containers that they serve have ended.
        """
        if self.asked:
            if grace_seconds <= 0:
                self._kill_after(_SHORTEST_GRACE_SECONDS)
            return
        self.asked = True
        for runner in self._all:
            runner.tell_of_end()
        if not self.stopping.is_set():
            self.stopping.set()
            for runner in self._all:
                if not runner.container.is_sidecar:
                    runner.ask_to_end()
        self._kill_after(max(grace_seconds, _SHORTEST_GRACE_SECONDS))

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

    def update(self, pod: Object) -> None:
        """Take over what a client has changed: images, the deadline."""
        self.pod = {**self.pod, "spec": pod["spec"]}
        self._watch_deadline()
        specs = {
            each["name"]: each for part in ("initContainers", "containers") for each in pod["spec"].get(part) or []
        }
        for runner in self._all:
            runner.change(specs[runner.container.name])

    def publish(self) -> None:
        """Store what there is to tell now; of a pod that ends only when all of it has."""
        if (self.asked or self._sidecars_end) and self.pod["status"].get("phase") is not None:
            return
        inits, mains = ([runner.container for runner in part] for part in (self._inits, self._mains))
        status = compute(self.pod, inits, mains, None if self._runs() else self.failure)
        earlier = before_phase(self.pod.get("status") or {}, status)
        if earlier is not None:
            self.pod = self.node.store_status(self.pod, earlier)
        self.pod = self.node.store_status(self.pod, status)
        part = inits[:1] or mains
        if all((container.state.get("waiting") or {}).get("reason") not in _QUIET for container in part):
            self.settled.set()

    def _runs(self) -> bool:
        return any("running" in container.state for container in self.containers)

    def _finish(self) -> None:
        """Tell of the end of all of it."""
        asked, self.asked, self._sidecars_end = self.asked, False, False
        if not asked:
            self.publish()
            return
        inits, mains = ([runner.container for runner in part] for part in (self._inits, self._mains))
        if self.failure is None and any("waiting" in main.state for main in mains):
            self._forget_waits()
            phase = (self.pod.get("status") or {}).get("phase")
            self.pod = self.node.store_status(self.pod, {**compute(self.pod, inits, mains, None), "phase": phase})
        status = compute(self.pod, inits, mains, self.failure, ended=True)
        for runner in self._all:
            if runner.begun:
                runner.container.state = unlocated(runner.container.state)
        self.pod = self.node.store_status(self.pod, with_states(status, inits, mains))

    def _forget_waits(self) -> None:
        """A container that waits for something waits for nothing any more."""
        for runner in self._all:
            state = runner.container.state.get("waiting")
            if state and state.get("reason") not in _QUIET:
                runner.container.state = waiting(self._first_wait())

    def _first_wait(self) -> str:
        return "PodInitializing" if self.pod["spec"].get("initContainers") else "ContainerCreating"

    async def _run_mains(self) -> None:
        """Start the containers in their order, each when the one before has started, with its ``postStart`` hook."""
        tasks = []
        try:
            for runner in self._mains:
                tasks.append(asyncio.create_task(runner.run()))
                if runner is not self._mains[-1]:
                    await runner.tried.wait()
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    def _runners(self, part: str, statuses: str) -> list[ContainerRunner]:
        known = {status["name"]: status for status in (self.pod.get("status") or {}).get(statuses) or []}
        result = []
        for spec in self.pod["spec"].get(part) or []:
            container = Container(spec, is_init=part == "initContainers")
            container.state = waiting(self._first_wait())
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
                if runner.container.exit_code != 0 or self.asked:
                    return False
        return True

    async def _end_sidecars(self, sidecars: dict[ContainerRunner, asyncio.Task[None]]) -> None:
        """End the side-cars, the last one first."""
        self.stopping.set()
        self._sidecars_end = True
        if sidecars and not self.asked:
            for runner in sidecars:
                runner.tell_of_end()
            grace = float(self.pod["spec"]["terminationGracePeriodSeconds"])
            self._kill_after(max(grace, _SHORTEST_GRACE_SECONDS))
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

    def _watch_deadline(self) -> None:
        """End the pod at its deadline, which may be set or shortened later."""
        if self._deadline is not None:
            self._deadline.cancel()
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return
        start = (self.pod.get("status") or {}).get("startTime") or clock.now()
        left = clock.parse(start) + float(seconds) - clock.unix()
        self._deadline = asyncio.get_running_loop().call_later(max(0.0, left), self._exceed_deadline)

    def _exceed_deadline(self) -> None:
        message = "Pod was active on the node longer than the specified deadline"
        if not self.asked:
            self.node.events.record(self.pod, DEADLINE_EXCEEDED, message)
            self.fail(DEADLINE_EXCEEDED, message, float(self.pod["spec"]["terminationGracePeriodSeconds"]))
