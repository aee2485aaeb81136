"""The life of one pod: volumes, init containers one after another, containers together, restarts, the end."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baton_local.kubernetes import clock, logs
from baton_local.kubernetes.images import ImagesFileError, NoRuntimeError

from . import plan, volumes
from .attempt import Attempt, Exit, Spec
from .environment import ConfigError
from .launcher import LaunchError
from .processes import sweep
from .status import Container, compute, terminated, waiting

if TYPE_CHECKING:
    from .node import Node

Object = dict[str, Any]
SIDECAR = "airflow-xcom-sidecar"
_LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 0.2
_FIRST_BACK_OFF_SECONDS = 10.0
_LONGEST_BACK_OFF_SECONDS = 300.0


class PodRunner:
    """Runs one pod, or goes on with one that an earlier server has started.

    ``settled`` is set as soon as there is something to tell: a container runs, has ended, or cannot start.
    """

    def __init__(self, pod: Object, node: Node) -> None:
        self.pod = pod
        self.settled = asyncio.Event()
        self.directory: Path = node.directory_of(pod)
        self._node = node
        self._stop = asyncio.Event()
        self._kill: asyncio.TimerHandle | None = None
        self._failure: tuple[str, str] | None = None
        self._sources: dict[str, Path] = {}
        self._inits = self._containers("initContainers", "initContainerStatuses")
        self._mains = self._containers("containers", "containerStatuses")

    @property
    def containers(self) -> list[Container]:
        """All containers, init containers first."""
        return [*self._inits, *self._mains]

    def container(self, name: str) -> Container | None:
        """A container by its name."""
        return next((container for container in self.containers if container.name == name), None)

    async def run(self) -> None:
        """Run the pod to its end. Cancelling it leaves the containers running for the next server."""
        deadline = self._watch_deadline()
        try:
            self._publish()
            for container in self._inits:
                await self._run(container)
                if container.exit_code != 0:
                    break
            else:
                await asyncio.gather(*(self._run(container) for container in self._mains))
            self._publish()
        finally:
            self.settled.set()
            if deadline is not None:
                deadline.cancel()

    def stop(self, grace_seconds: float) -> None:
        """Ask all containers to end, and kill them after the grace; asked again, the earlier end counts."""
        loop = asyncio.get_running_loop()
        if not self._stop.is_set():
            self._stop.set()
            if grace_seconds > 0:
                self._signal(signal.SIGTERM)
        end = loop.time() + max(0.0, grace_seconds)
        if self._kill is None or end < self._kill.when():
            if self._kill is not None:
                self._kill.cancel()
            self._kill = loop.call_at(end, self._signal, signal.SIGKILL)

    def fail(self, reason: str, message: str, grace_seconds: float) -> None:
        """End the pod as Failed, whatever its containers would say."""
        self._failure = (reason, message)
        self.stop(grace_seconds)

    def mounted(self, container: Container, mount_path: str) -> Path | None:
        """What a container sees at a mount path, as a path of this machine."""
        for mount in container.spec.get("volumeMounts") or []:
            if mount["mountPath"].rstrip("/") == mount_path:
                return self.directory / "volumes" / str(mount["name"])
        return None

    def refresh(self, pod: Object, concerns: Callable[[Object], bool]) -> None:
        """Write the files of the volumes anew that a change concerns; one that cannot be written stays as it was."""
        place = self._node.volume_places(pod).pod
        try:
            volumes.refresh(pod, place, self._node.finder(pod), concerns)
        except ConfigError as err:
            _LOG.info("pod %s: volumes not refreshed: %s", pod["metadata"]["name"], err)

    def end_sidecar(self) -> None:
        """Let the XCom side-car end, as its ``kill -2`` does."""
        container = self.container(SIDECAR)
        if container is not None and "running" in container.state:
            self._end(container, Exit(0, clock.parse(clock.now()), _started_at(container)))

    def _containers(self, part: str, statuses: str) -> list[Container]:
        known = {status["name"]: status for status in (self.pod.get("status") or {}).get(statuses) or []}
        result = []
        for spec in self.pod["spec"].get(part) or []:
            container = Container(spec, is_init=part == "initContainers")
            container.state = waiting("PodInitializing" if self._waits_for_inits(part) else "ContainerCreating")
            if spec["name"] in known:
                status = known[spec["name"]]
                container.state, container.last_state = status["state"], status["lastState"]
                container.restarts = status["restartCount"]
            result.append(container)
        return result

    def _waits_for_inits(self, part: str) -> bool:
        return part == "initContainers" or bool(self.pod["spec"].get("initContainers"))

    async def _run(self, container: Container) -> None:
        back_off = _FIRST_BACK_OFF_SECONDS
        while not self._stop.is_set() and container.exit_code is None:
            if container.name == SIDECAR:
                await self._run_sidecar(container)
                return
            await self._run_once(container)
            if self._stop.is_set() or not self._restarts(container):
                return
            self._prepare_restart(container, back_off)
            await self._sleep(back_off)
            back_off = min(back_off * 2, _LONGEST_BACK_OFF_SECONDS)

    async def _run_sidecar(self, container: Container) -> None:
        if "running" not in container.state:  # else an earlier server has started it
            container.state = {"running": {"startedAt": clock.now()}}
        self._publish()
        stopped = asyncio.create_task(self._stop.wait())
        ended = asyncio.create_task(container.ended.wait())
        try:
            await asyncio.wait((stopped, ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            ended.cancel()
        if not container.ended.is_set():
            self._end(container, Exit(137, clock.parse(clock.now()), _started_at(container), signal.SIGKILL))

    async def _run_once(self, container: Container) -> None:
        container.ended.clear()
        attempt = container.attempt = Attempt(self._attempt_directory(container))
        if not attempt.exists() and not await self._launch(container, attempt):
            return
        started = attempt.started()
        if started is not None:
            container.state = {"running": {"startedAt": clock.seconds(started["startedAt"])}}
            if self._stop.is_set():  # asked to end while it started
                attempt.signal(signal.SIGTERM)
        if attempt.alive():
            self._publish()
        end = await attempt.wait()
        if end.lost:
            sweep(self.pod["metadata"]["uid"])
            if self._failure is None and self.pod["spec"]["restartPolicy"] == "Never":
                self._failure = ("ContainerStatusUnknown", f'container "{container.name}" died without a trace')
        if end.out_of_memory:
            message = f"Memory limit of container {container.name} exceeded: it was killed"
            self._node.events.record(self.pod, "OOMKilling", message, container.name, warning=True)
        self._end(container, end)

    def _attempt_directory(self, container: Container) -> Path:
        return self.directory / "containers" / container.name / str(container.restarts)

    async def _launch(self, container: Container, attempt: Attempt) -> bool:
        spec = await self._resolve(container, attempt)
        if spec is None:
            return False
        self._node.events.record(self.pod, "Created", f"Container created: {container.name}", container.name)
        try:
            await attempt.launch(spec, self._node.launcher)
        except LaunchError as err:
            self._end(container, Exit(128, clock.parse(clock.now()), error=str(err)))
            return False
        if attempt.started() is not None:
            self._node.events.record(self.pod, "Started", f"Container started: {container.name}", container.name)
        return True

    async def _resolve(self, container: Container, attempt: Attempt) -> Spec | None:
        """What to run, as soon as everything it refers to is there; None if that does not come."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._node.config_grace_seconds
        while not self._stop.is_set():
            try:
                return self._plan(container, attempt)
            except ConfigError as err:
                self._wait_for(container, "CreateContainerConfigError", str(err))
                if loop.time() >= give_up:
                    self._refuse(container, attempt, str(err))
                    return None
            except (NoRuntimeError, ImagesFileError) as err:
                known = (container.state.get("waiting") or {}).get("reason") in ("ErrImagePull", "ImagePullBackOff")
                self._wait_for(container, "ImagePullBackOff" if known else "ErrImagePull", str(err))
            await self._sleep(_RETRY_SECONDS)
        return None

    def _plan(self, container: Container, attempt: Attempt) -> Spec:
        find = self._node.finder(self.pod)
        self._sources = volumes.prepare(self.pod, self._node.volume_places(self.pod), find)
        runtime = self._node.images.find(container.spec["image"])
        place = plan.Place(self._node.isolation, attempt.directory, self._sources, self._node.log_limit_bytes)
        return plan.make(self.pod, container.spec, runtime, place, find)

    def _wait_for(self, container: Container, reason: str, message: str) -> None:
        state = waiting(reason, message)
        if state != container.state:
            container.state = state
            self._node.events.record(self.pod, "Failed", f"Error: {reason}: {message}", container.name, warning=True)
            self._publish()

    def _refuse(self, container: Container, attempt: Attempt, message: str) -> None:
        """Fail instead of waiting for ever, as a cluster would: locally nobody else will bring what is missing."""
        logs.write_line(attempt.log, f"error: {message}")
        self._failure = ("CreateContainerConfigError", message)
        self._end(container, Exit(128, clock.parse(clock.now())), message)
        container.state["terminated"]["reason"] = "CreateContainerConfigError"
        self.fail(*self._failure, grace_seconds=0)
        self._publish()

    def _end(self, container: Container, end: Exit, message: str = "") -> None:
        message = message or self._last_words(container, end)
        container.state = terminated(end, message)
        self._publish()
        container.ended.set()

    def _last_words(self, container: Container, end: Exit) -> str:
        if container.attempt is None:
            return ""
        note = logs.head(container.attempt.directory / plan.TERMINATION_LOG)
        if not note and end.code != 0 and container.spec["terminationMessagePolicy"] == "FallbackToLogsOnError":
            note = logs.last_words(container.attempt.log)
        return note

    def _restarts(self, container: Container) -> bool:
        policy = self.pod["spec"]["restartPolicy"]
        if policy == "Never" or (container.exit_code == 0 and (container.is_init or policy == "OnFailure")):
            return False
        return self._failure is None

    def _prepare_restart(self, container: Container, back_off: float) -> None:
        message = (
            f"back-off {back_off:.0f}s restarting failed container={container.name} "
            f"pod={self.pod['metadata']['name']}_{self.pod['metadata']['namespace']}({self.pod['metadata']['uid']})"
        )
        container.last_state = container.state
        container.state = waiting("CrashLoopBackOff", message)
        container.restarts += 1
        self._node.events.record(self.pod, "BackOff", message, container.name, warning=True)
        self._publish()

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return

    def _signal(self, number: int) -> None:
        for container in self.containers:
            if container.attempt is not None and "running" in container.state:
                container.attempt.signal(number)

    def _watch_deadline(self) -> asyncio.TimerHandle | None:
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return None
        start = (self.pod.get("status") or {}).get("startTime") or clock.now()
        left = clock.parse(start) + float(seconds) - clock.parse(clock.now())
        message = "Pod was active on the node longer than the specified deadline"
        grace = float(self.pod["spec"]["terminationGracePeriodSeconds"])
        return asyncio.get_running_loop().call_later(max(0.0, left), self.fail, "DeadlineExceeded", message, grace)

    def _publish(self) -> None:
        failure = self._failure if all("running" not in c.state for c in self.containers) else None
        status = compute(self.pod, self._inits, self._mains, failure)
        self.pod = self._node.store_status(self.pod, status)
        if self._has_news():
            self.settled.set()

    def _has_news(self) -> bool:
        quiet = ("ContainerCreating", "PodInitializing")
        part = self._inits[:1] or self._mains
        return all((container.state.get("waiting") or {}).get("reason") not in quiet for container in part)


def _started_at(container: Container) -> float:
    return clock.parse(container.state["running"]["startedAt"])
