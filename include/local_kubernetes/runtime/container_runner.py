"""The life of one container of a pod: start, hooks, end, and the next run after a pause."""

from __future__ import annotations

import asyncio
import contextlib
import logging
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
from .volumes import MountError

Object = dict[str, Any]
_RETRY_SECONDS = 0.2
_IMAGE_WAITS = ("ErrImagePull", "ImagePullBackOff")
_FIRST_BACK_OFF_SECONDS = 10.0
_MAX_BACK_OFF_SECONDS = 300.0
_FORGIVEN_AFTER_SECONDS = 600.0
BACK_OFF = "CrashLoopBackOff"
_BACK_OFF_SHOWN_SECONDS = 0.2
_AFTER_CUT_SECONDS = 2.0
_LOG = logging.getLogger(__name__)


class ContainerRunner:
    """Runs a container, again and again if its policy says so, until its pod is to end.

    ``started`` is set when it has run, with its ``postStart`` hook done, or when it will not run any more; ``tried``
    also when it has to wait for something, which keeps the next container from nothing. ``begun``: it was its turn.
    """

    def __init__(self, container: Container, pod: PodServices) -> None:
        self.container = container
        self.started = asyncio.Event()
        self.tried = asyncio.Event()
        self.begun = False
        self._pod = pod
        self._changed = False
        self._failures = container.restarts  # in a row; a new server has only the count of restarts to go by
        self._pre_stop: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Run the container until it has ended for good."""
        self.begun = True
        try:
            if (self.container.state.get("waiting") or {}).get("reason") == BACK_OFF:
                self._begin_next(self.container.last_state)  # an earlier server was about to
            # What an earlier server has started is looked after, also if it is only to be ended.
            while not self._pod.stopping.is_set() or self._attempt().alive():
                if self.container.exit_code is None:
                    await self._run_once()
                if self._pod.stopping.is_set():
                    return
                if self._changed:
                    self._begin_anew()
                    continue
                if not self._restarts():
                    return
                self._note_failure()
                await self._back_off()
        finally:
            self.started.set()
            self.tried.set()
            if self._pre_stop is not None:
                self._pre_stop.cancel()

    def tell_of_end(self) -> None:
        """Record that it is ended, if it runs."""
        if "running" in self.container.state or self.container.hook_runs:
            self._event("Killing", f"Stopping container {self.container.name}")

    def change(self, spec: Object) -> None:
        """Take over a changed spec; with another image it begins anew."""
        runs = "running" in self.container.state
        if runs and spec["image"] != self.container.spec["image"] and not self._pod.stopping.is_set():
            self._event("Killing", f"Container {self.container.name} definition changed, will be restarted")
            self._changed = True
            self._end_alone()
        self.container.spec = spec

    def ask_to_end(self) -> None:
        """SIGTERM, after the ``preStop`` hook if there is one."""
        attempt, handler = self.container.attempt, hooks.hook(self.container.spec, "preStop")
        if attempt is None or not ("running" in self.container.state or self.container.hook_runs):
            return
        if self._pod.killed:
            attempt.signal(signal.SIGKILL)
        elif handler is None:
            attempt.signal(signal.SIGTERM)
        elif self._pre_stop is None:
            self._pre_stop = asyncio.create_task(self._run_pre_stop(handler, attempt))

    def kill(self) -> None:
        """SIGKILL to everything in it."""
        attempt = self.container.attempt
        if attempt is None or not ("running" in self.container.state or self.container.hook_runs):
            return
        if self._pre_stop is not None and not self._pre_stop.done():  # a kubelet cuts it off and gives 2 s more
            self._pre_stop.cancel()
            self._event("FailedPreStopHook", "PreStopHook failed", warning=True)
            attempt.signal(signal.SIGTERM)
            asyncio.get_running_loop().call_later(_AFTER_CUT_SECONDS, attempt.signal, signal.SIGKILL)
        else:
            attempt.signal(signal.SIGKILL)

    def _end_alone(self) -> None:
        """End this container and no other: SIGTERM, and SIGKILL after the pod's grace."""
        attempt = self.container.attempt
        self.ask_to_end()
        if attempt is not None:
            grace = max(float(self._pod.pod["spec"]["terminationGracePeriodSeconds"]), _AFTER_CUT_SECONDS)
            asyncio.get_running_loop().call_later(grace, attempt.signal, signal.SIGKILL)

    async def _run_pre_stop(self, handler: Object, attempt: Attempt) -> None:
        try:
            await hooks.run(handler, attempt)
        except hooks.HookError as err:
            _LOG.info("container %s: preStop: %s", self.container.name, err)
            self._event("FailedPreStopHook", "PreStopHook failed", warning=True)
        attempt.signal(signal.SIGTERM)

    async def _run_once(self) -> None:
        container = self.container
        container.ended.clear()
        container.unhealthy = False
        self._pre_stop = None
        attempt = container.attempt = self._attempt()
        new = not attempt.exists()
        if new:
            container.probed = probes.probe(container.spec, "readinessProbe") is None
        if new and not await self._launch(attempt):
            return
        handler = hooks.hook(container.spec, "postStart") if new else None
        self.container.hook_runs = handler is not None and attempt.started() is not None
        if not self.container.hook_runs:
            self._show_running(attempt)
        care = asyncio.create_task(self._look_after(attempt, handler))
        try:
            end = await attempt.wait()
        finally:
            care.cancel()
        self.container.hook_runs = False
        self.started.set()
        self.tried.set()
        self._judge(end)
        self.end(end)

    def _attempt(self) -> Attempt:
        """The current run, or the last one while the next has to wait."""
        return Attempt(self._pod.directory / "containers" / self.container.name / str(self.container.restarts))

    def _show_running(self, attempt: Attempt) -> None:
        started = attempt.started()
        if started is not None:
            self.container.state = {"running": {"startedAt": clock.seconds(started["startedAt"])}}
            if self._pod.stopping.is_set():  # asked to end while it started, or before this server did
                self.ask_to_end()
        if attempt.alive():
            self._pod.publish()
        self.tried.set()

    async def _look_after(self, attempt: Attempt, handler: Object | None) -> None:
        """What a container that runs needs: its ``postStart`` hook, until whose end it is not shown to run; probes."""
        if self.container.hook_runs and handler is not None:
            try:
                await hooks.run(handler, attempt)
            except hooks.HookError as err:
                _LOG.info("container %s: postStart: %s", self.container.name, err)
                self._event("FailedPostStartHook", "PostStartHook failed", warning=True)
                self._event("Killing", "FailedPostStartHook")
                self._end_alone()
                return
            self.container.hook_runs = False
            self._show_running(attempt)
        care = probes.Probes(self.container.spec, attempt, self._set_ready, self._end_unhealthy, self._tell_probe)
        if await care.await_start():
            self.started.set()
            await care.run()

    def _set_ready(self, ready: bool) -> None:
        self.container.probed = ready
        self._pod.publish()

    def _tell_probe(self, word: str, why: str) -> None:
        self._event("Unhealthy", f"{word} probe failed: {why}", warning=True)

    def _end_unhealthy(self, word: str) -> None:
        """End a container whose startup or liveness probe has failed; its policy says whether it runs again."""
        name = self.container.name
        self.container.unhealthy = True
        text = f"Container {name} failed {word.lower()} probe, will be restarted"
        self._event("Killing", text if self._policy() != "Never" else f"Stopping container {name}")
        self._end_alone()

    def _policy(self) -> str:
        return "Always" if self.container.is_sidecar else str(self._pod.pod["spec"]["restartPolicy"])

    def _judge(self, end: Exit) -> None:
        """Tell of an end that needs telling."""
        if end.lost:
            sweep(self._pod.pod["metadata"]["uid"])
            if self._pod.failure is None and self._pod.pod["spec"]["restartPolicy"] == "Never":
                message = f'container "{self.container.name}" died without a trace'
                self._pod.failure = ("ContainerStatusUnknown", message)

    async def _launch(self, attempt: Attempt) -> bool:
        spec = await self._resolve(attempt)
        if spec is None:
            return False
        self._tell_of_start()
        try:
            await attempt.launch(spec, self._pod.node.launcher)
        except LaunchError as err:
            self.end(Exit(128, clock.unix(), error=str(err)))
            return False
        if attempt.started() is not None:
            self._event("Started", "Container started")
        elif attempt.outcome().error is not None:
            self._event("Failed", f"Error: {terminated(attempt.outcome())['terminated']['message']}", warning=True)
        return True

    def _tell_of_start(self) -> None:
        pod, image = self._pod.pod, self.container.spec["image"]
        find = self._pod.node.finder(pod)
        names = [each["name"] for each in pod["spec"].get("imagePullSecrets") or [] if each.get("name")]
        if missing := ", ".join(name for name in names if find("secrets", name) is None):
            why = "attempting to pull the image may not succeed."
            message = f"Unable to retrieve some image pull secrets ({missing}); {why}"
            self._event("FailedToRetrieveImagePullSecret", message, warning=True, whole=True)
        self._event("Pulled", f'Container image "{image}" already present on machine and can be accessed by the pod')
        self._event("Created", "Container created")

    async def _resolve(self, attempt: Attempt) -> Spec | None:
        """What to run, as soon as everything it refers to is there; None if the pod is to end before."""
        while not self._pod.stopping.is_set():
            try:
                return self._plan(attempt)
            except MountError as err:
                self._event(
                    "FailedMount",
                    f'MountVolume.SetUp failed for volume "{err.volume}" : {err}',
                    warning=True,
                    whole=True,
                )
                self._pod.settled.set()
            except ConfigError as err:
                self._wait_for(err.reason, str(err), f"Error: {err}")
            except (NoRuntimeError, ImagesFileError) as err:
                self._wait_for_image(str(err))
            self.tried.set()
            await self._sleep(_RETRY_SECONDS)
        return None

    def _plan(self, attempt: Attempt) -> Spec:
        pod, node = self._pod.pod, self._pod.node
        find = node.finder(pod)
        sources = volumes.prepare(pod, node.volume_places(pod), find)
        runtime = node.images.find(self.container.spec["image"])
        place = plan.Place(node.isolation, attempt.directory, sources, node.log_limit_bytes, node.service_variables)
        return plan.make(pod, self.container.spec, runtime, place, find)

    def _wait_for_image(self, why: str) -> None:
        """Show the failure first and then, as long as it goes on, the wait for the next try."""
        image = self.container.spec["image"]
        known = (self.container.state.get("waiting") or {}).get("reason")
        if known not in _IMAGE_WAITS:
            self._event("Pulling", f'Pulling image "{image}"')
            self._event("Failed", f'Failed to pull image "{image}": {why}', warning=True)
            self._wait_for("ErrImagePull", why, "Error: ErrImagePull")
        else:
            if known == "ErrImagePull":
                self._event("BackOff", f'Back-off pulling image "{image}"')
            message = f'Back-off pulling image "{image}": ErrImagePull: {why}'
            self._wait_for("ImagePullBackOff", message, "Error: ImagePullBackOff")

    def _wait_for(self, reason: str, message: str, told: str) -> None:
        state = waiting(reason, message)
        if state != self.container.state:
            self.container.state = state
            self._event("Failed", told, warning=True)
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
        note = logs.note(container.attempt.directory / plan.TERMINATION_LOG)
        if not note and end.code != 0 and container.spec["terminationMessagePolicy"] == "FallbackToLogsOnError":
            note = logs.last_words(container.attempt.log)
        return note

    def _restarts(self) -> bool:
        policy = self._policy()
        if self.container.unhealthy and policy != "Never":  # whatever its exit code
            return self._pod.failure is None
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

    def _begin_anew(self) -> None:
        """The next run at once, whatever the policy: the container's definition has changed."""
        self._changed = False
        self._begin_next(self.container.state)

    def _begin_next(self, ended: Object) -> None:
        self.container.last_state = ended
        self.container.restarts += 1
        self._failures += 1
        self.container.state = waiting("ContainerCreating")

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._pod.stopping.wait(), seconds)

    def _event(self, reason: str, message: str, *, warning: bool = False, whole: bool = False) -> None:
        """:param whole: it concerns the pod and not this container alone."""
        name = "" if whole else self.container.name
        self._pod.node.events.record(self._pod.pod, reason, message, name, warning=warning)


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
            self._tell_of_start()
            self._event("Started", "Container started")
        self.begun = True
        self.started.set()
        self.tried.set()
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
