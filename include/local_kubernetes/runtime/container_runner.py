"""The life of one container of a pod: start, hooks, end, and the next run after a pause."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import Any

from local_kubernetes import clock, logs
from local_kubernetes.images import ImagesFileError, NoRuntimeError

from . import hooks, plan, probes, sidecar, volumes
from .attempt import Attempt, Exit, Spec
from .environment import ConfigError
from .launcher import LaunchError
from .processes import sweep
from .services import PodServices
from .status import Container, terminated, waiting

Object = dict[str, Any]
_RETRY_SECONDS = 0.2
_FIRST_BACK_OFF_SECONDS = 10.0
_MAX_BACK_OFF_SECONDS = 300.0
_FORGIVEN_AFTER_SECONDS = 600.0
BACK_OFF = "CrashLoopBackOff"
_BACK_OFF_SHOWN_SECONDS = 0.2


class ContainerRunner:
    """Runs a container, again and again if its policy says so, until its pod is to end.

    ``started`` is set when it has run, with its ``postStart`` hook done, or when it will not run any more.
    """

    def __init__(self, container: Container, pod: PodServices) -> None:
        self.container = container
        self.started = asyncio.Event()
        self._pod = pod
        self._failures = container.restarts  # in a row; a new server has only the count of restarts to go by
        self._pre_stop: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Run the container until it has ended for good."""
        try:
            if (self.container.state.get("waiting") or {}).get("reason") == BACK_OFF:
                self._begin_next(self.container.last_state)  # an earlier server was about to
            # What an earlier server has started is looked after, also if it is only to be ended.
            while not self._pod.stopping.is_set() or self._attempt().alive():
                if self.container.exit_code is None:
                    await self._run_once()
                if self._pod.stopping.is_set() or not self._restarts():
                    return
                self._note_failure()
                await self._back_off()
        finally:
            self.started.set()
            if self._pre_stop is not None:
                self._pre_stop.cancel()

    def ask_to_end(self) -> None:
        """SIGTERM, after the ``preStop`` hook if there is one."""
        attempt, handler = self.container.attempt, hooks.hook(self.container.spec, "preStop")
        if attempt is None or "running" not in self.container.state:
            return
        if self._pod.killed:
            attempt.signal(signal.SIGKILL)
        elif handler is None:
            attempt.signal(signal.SIGTERM)
        elif self._pre_stop is None:
            self._pre_stop = asyncio.create_task(self._run_pre_stop(handler, attempt))

    def kill(self) -> None:
        """SIGKILL to everything in it."""
        if self.container.attempt is not None and "running" in self.container.state:
            self.container.attempt.signal(signal.SIGKILL)

    async def _run_pre_stop(self, handler: Object, attempt: Attempt) -> None:
        try:
            await hooks.run(handler, attempt)
        except hooks.HookError as err:
            self._event("FailedPreStopHook", f"PreStopHook failed: {err}", warning=True)
        attempt.signal(signal.SIGTERM)

    async def _run_once(self) -> None:
        container = self.container
        container.ended.clear()
        self._pre_stop = None
        attempt = container.attempt = self._attempt()
        new = not attempt.exists()
        if new:
            container.probed = probes.probe(container.spec, "readinessProbe") is None
        if new and not await self._launch(attempt):
            return
        started = attempt.started()
        if started is not None:
            container.state = {"running": {"startedAt": clock.seconds(started["startedAt"])}}
            if self._pod.stopping.is_set():  # asked to end while it started, or before this server did
                self.ask_to_end()
        if attempt.alive():
            self._pod.publish()
        care = asyncio.create_task(self._look_after(attempt, new=new))
        try:
            end = await attempt.wait()
        finally:
            care.cancel()
        self.started.set()
        self._judge(end)
        self.end(end)

    def _attempt(self) -> Attempt:
        """The current run, or the last one while the next has to wait."""
        return Attempt(self._pod.directory / "containers" / self.container.name / str(self.container.restarts))

    async def _look_after(self, attempt: Attempt, *, new: bool) -> None:
        """What a container that runs needs: its ``postStart`` hook, then its probes."""
        handler = hooks.hook(self.container.spec, "postStart")
        if new and handler is not None and attempt.alive():
            try:
                await hooks.run(handler, attempt)
            except hooks.HookError as err:
                self._event("FailedPostStartHook", f"PostStartHook failed: {err}", warning=True)
                attempt.signal(signal.SIGKILL)
                return
        care = probes.Probes(self.container.spec, attempt, self._set_ready, self._end_unhealthy)
        if await care.await_start():
            self.started.set()
            await care.run()

    def _set_ready(self, ready: bool) -> None:
        if not ready:
            self._event("Unhealthy", "Readiness probe failed", warning=True)
        self.container.probed = ready
        self._pod.publish()

    def _end_unhealthy(self, word: str) -> None:
        """End a container whose startup or liveness probe has failed; its policy says whether it runs again."""
        attempt = self.container.attempt
        self._event("Unhealthy", f"{word} probe failed", warning=True)
        self._event("Killing", f"Container {self.container.name} failed {word.lower()} probe")
        self.ask_to_end()
        if attempt is not None:
            grace = float(self._pod.pod["spec"]["terminationGracePeriodSeconds"])
            asyncio.get_running_loop().call_later(grace, attempt.signal, signal.SIGKILL)

    def _judge(self, end: Exit) -> None:
        """Tell of an end that needs telling."""
        if end.lost:
            sweep(self._pod.pod["metadata"]["uid"])
            if self._pod.failure is None and self._pod.pod["spec"]["restartPolicy"] == "Never":
                message = f'container "{self.container.name}" died without a trace'
                self._pod.failure = ("ContainerStatusUnknown", message)
        if end.out_of_memory:
            self._event(
                "OOMKilling", f"Memory limit of container {self.container.name} exceeded: it was killed", warning=True
            )

    async def _launch(self, attempt: Attempt) -> bool:
        spec = await self._resolve(attempt)
        if spec is None:
            return False
        self._event("Created", f"Container created: {self.container.name}")
        try:
            await attempt.launch(spec, self._pod.node.launcher)
        except LaunchError as err:
            self.end(Exit(128, clock.unix(), error=str(err)))
            return False
        if attempt.started() is not None:
            self._event("Started", f"Container started: {self.container.name}")
        return True

    async def _resolve(self, attempt: Attempt) -> Spec | None:
        """What to run, as soon as everything it refers to is there; None if that does not come."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._pod.node.config_grace_seconds
        while not self._pod.stopping.is_set():
            try:
                return self._plan(attempt)
            except ConfigError as err:
                self._wait_for("CreateContainerConfigError", str(err))
                if loop.time() >= give_up:
                    self._refuse(attempt, str(err))
                    return None
            except (NoRuntimeError, ImagesFileError) as err:
                known = (self.container.state.get("waiting") or {}).get("reason") in (
                    "ErrImagePull",
                    "ImagePullBackOff",
                )
                self._wait_for("ImagePullBackOff" if known else "ErrImagePull", str(err))
            await self._sleep(_RETRY_SECONDS)
        return None

    def _plan(self, attempt: Attempt) -> Spec:
        pod, node = self._pod.pod, self._pod.node
        find = node.finder(pod)
        sources = volumes.prepare(pod, node.volume_places(pod), find)
        runtime = node.images.find(self.container.spec["image"])
        place = plan.Place(node.isolation, attempt.directory, sources, node.log_limit_bytes)
        return plan.make(pod, self.container.spec, runtime, place, find)

    def _wait_for(self, reason: str, message: str) -> None:
        state = waiting(reason, message)
        if state != self.container.state:
            self.container.state = state
            self._event("Failed", f"Error: {reason}: {message}", warning=True)
            self._pod.publish()

    def _refuse(self, attempt: Attempt, message: str) -> None:
        """Fail instead of waiting for ever, as a cluster would: locally nobody else will bring what is missing."""
        logs.write_line(attempt.log, f"error: {message}")
        self._pod.failure = ("CreateContainerConfigError", message)
        self.end(Exit(128, clock.unix()), message)
        self.container.state["terminated"]["reason"] = "CreateContainerConfigError"
        self._pod.fail(*self._pod.failure, grace_seconds=0)
        self._pod.publish()

    def end(self, end: Exit, message: str = "") -> None:
        """The current run has ended."""
        self.container.state = terminated(end, message or self._last_words(end))
        self._pod.publish()
        self.container.ended.set()

    def _last_words(self, end: Exit) -> str:
        container = self.container
        if container.attempt is None:
            return ""
        note = logs.head(container.attempt.directory / plan.TERMINATION_LOG)
        if not note and end.code != 0 and container.spec["terminationMessagePolicy"] == "FallbackToLogsOnError":
            note = logs.last_words(container.attempt.log)
        return note

    def _restarts(self) -> bool:
        policy = "Always" if self.container.is_sidecar else self._pod.pod["spec"]["restartPolicy"]
        done = self.container.exit_code == 0 and not self.container.is_sidecar
        if policy == "Never" or (done and (self.container.is_init or policy == "OnFailure")):
            return False
        return self._pod.failure is None

    def _note_failure(self) -> None:
        """Count this end, or begin to count anew after a run that was long enough."""
        ended = self.container.state["terminated"]
        ran = clock.parse(ended["finishedAt"]) - clock.parse(ended["startedAt"])
        started = not ended["startedAt"].startswith("1970")
        self._failures = 0 if started and ran > _FORGIVEN_AFTER_SECONDS else self._failures

    async def _back_off(self) -> None:
        """Wait before the next run: not at all the first time, then longer and longer.

        The container shows how it ended until a moment before the next run, and only then that it waits: what looks for
        the reason CrashLoopBackOff alone hardly ever sees it. So does a kubelet (v1.36) in 20 of 26 recorded pauses; in
        the others it shows that soon after the end.
        """
        ended = self.container.state
        if self._failures:
            await self._pause(min(_FIRST_BACK_OFF_SECONDS * 2 ** (self._failures - 1), _MAX_BACK_OFF_SECONDS))
        if self._pod.stopping.is_set():
            self.container.state = ended
        else:
            self._begin_next(ended)

    async def _pause(self, seconds: float) -> None:
        container, pod = self.container, self._pod.pod["metadata"]
        title = f"{pod['name']}_{pod['namespace']}({pod['uid']})"
        self._event("BackOff", f"Back-off restarting failed container {container.name} in pod {title}", warning=True)
        await self._sleep(seconds - _BACK_OFF_SHOWN_SECONDS)
        if not self._pod.stopping.is_set():
            message = f"back-off {clock.duration(seconds)} restarting failed container={container.name} pod={title}"
            container.state = waiting(BACK_OFF, message)
            self._pod.publish()
            await self._sleep(_BACK_OFF_SHOWN_SECONDS)

    def _begin_next(self, ended: Object) -> None:
        self.container.last_state = ended
        self.container.restarts += 1
        self._failures += 1
        self.container.state = waiting("ContainerCreating")

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._pod.stopping.wait(), seconds)

    def _event(self, reason: str, message: str, *, warning: bool = False) -> None:
        self._pod.node.events.record(self._pod.pod, reason, message, self.container.name, warning=warning)


class EmulatedSidecar(ContainerRunner):
    """Airflow's XCom side-car, which has no process: see ``sidecar``."""

    async def run(self) -> None:
        """Wait until somebody ends it, or the pod is to end."""
        container = self.container
        if container.exit_code is not None:
            return
        if "running" not in container.state:  # else an earlier server has started it
            if self._pod.stopping.is_set():
                return
            container.state = {"running": {"startedAt": clock.now()}}
        self.started.set()
        self._pod.publish()
        if self._pod.killed:
            self.kill()
        elif self._pod.stopping.is_set():  # asked to end before this server did
            self.ask_to_end()
        await container.ended.wait()

    def ask_to_end(self) -> None:
        """SIGTERM, which a shell that is the first process of its container ignores unless it traps it."""
        if "running" not in self.container.state:
            return
        if self._pod.pod["spec"].get("shareProcessNamespace"):
            self.end(Exit(143, clock.unix(), self._since(), signal.SIGTERM))
        elif sidecar.traps_term(" ".join(self.container.spec.get("command") or ())):
            self.finish()

    def kill(self) -> None:
        """SIGKILL."""
        if "running" in self.container.state:
            self.end(Exit(137, clock.unix(), self._since(), signal.SIGKILL))

    def finish(self) -> None:
        """Let it end, as its ``kill -2`` does."""
        if "running" in self.container.state:
            self.end(Exit(0, clock.unix(), self._since()))

    def _since(self) -> float:
        return clock.parse(self.container.state["running"]["startedAt"])
