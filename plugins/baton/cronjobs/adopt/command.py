"""`./baton adopt NAME`: a CronJob's ticks change hands, from the cluster's controller to Airflow, or back.

NAME is a CronJob or a DAG; CronJobs that one DAG runs as a chain change hands together. The order makes a crash between
two steps harmless: whoever takes over begins before the other one ends, and a tick's Job has the same name on both
sides, so that no tick runs twice and none is left out. Run the command again to go on.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from baton import command_line
from baton.cronjobs.adopt.adoption_client import AdoptionClient, adopted_by, is_suspended, last_schedule
from baton.cronjobs.adopt.airflow import Airflow
from baton.cronjobs.adopt.order import Order, order_of
from baton.cronjobs.loading import LoadedCronJobs, load_cronjobs
from baton.cronjobs.manifests.cronjob import CronJob
from baton.exceptions import BatonError

app = command_line.application(None)
_POLL_SECONDS = 2.0

Say = Callable[[str], None]
Live = list[tuple[CronJob, dict[str, Any] | None]]
"""CronJobs, each as the cluster has it now."""


class HandoverError(BatonError):
    """The CronJobs cannot change hands as they are."""


@dataclass(frozen=True)
class Handover:
    """The CronJobs of one DAG, on their way from one hand to the other.

    :param order: of all CronJobs, those of other DAGs too.
    :param namespace: for manifests that name none.
    """

    dag_id: str
    order: Order
    cluster: AdoptionClient
    airflow: Airflow
    say: Say
    namespace: str = "default"

    @property
    def cronjobs(self) -> list[CronJob]:
        """Those that the DAG runs."""
        return [job for key, job in self.order.cronjobs.items() if self.order.dags[key] == self.dag_id]

    def adopt(self, *, despite_drift: bool, despite_round: bool) -> None:
        """Switch the DAG on, then suspend the CronJobs.

        :raises HandoverError: a CronJob differs from its file, the DAG is out of date or waits for one that is off, or
            the cluster is in the middle of the chain.
        """
        self._check_drift(despite_drift=despite_drift)
        if self.airflow.is_stale(self.dag_id):
            raise HandoverError(f"the DAG {self.dag_id} is out of date in Airflow: its file does not make it any more")
        if off := [dag_id for dag_id in sorted(self.order.awaited(self.dag_id)) if not self.airflow.is_on(dag_id)]:
            raise HandoverError(f"{self.dag_id} runs after {', '.join(off)}, which the cluster runs: adopt that first")
        live = self._live()
        if not despite_round:
            self._check_round(live)
        self.airflow.switch(self.dag_id, on=True)
        self.say(f"DAG {self.dag_id} is on")
        for cronjob, found in live:
            if found is None:
                self.say(f"CronJob {cronjob.name} is not in the cluster: there is nothing to suspend")
            else:
                self.cluster.suspend(found, self.dag_id)
                self.say(f"CronJob {cronjob.name} is suspended in the cluster: Airflow runs its ticks")

    def release(self, patience_seconds: float) -> None:
        """Let the CronJobs go on, then switch the DAG off when its runs have ended.

        :raises HandoverError: a CronJob is not in the cluster, or another DAG waits for this one: nothing is changed.
            Or runs did not end in time; then the DAG stays on, which doubles nothing.
        """
        if on := [dag_id for dag_id in sorted(self.order.awaiting(self.dag_id)) if self.airflow.is_on(dag_id)]:
            raise HandoverError(f"{', '.join(on)} in Airflow runs after {self.dag_id}: release that first")
        live = self._live()
        if missing := [cronjob.name for cronjob, found in live if found is None]:
            raise HandoverError(
                f"not in the cluster: {', '.join(missing)}. Nobody would run it: deploy it first, with suspend: true, "
                "or look whether --namespace and the cluster are right"
            )
        ticks = {key: self.airflow.last_tick(self.order.dags[key]) for key in self._roots()}
        for cronjob, found in live:
            if found is None or adopted_by(found) != self.dag_id:
                self.say(f"CronJob {cronjob.name} was not adopted by {self.dag_id}: left as it is")
                continue
            self.cluster.give_back(found, self._done_tick(cronjob, ticks))
            self.say(f"CronJob {cronjob.name} is the cluster's again")
        self._await_runs(patience_seconds)
        if again := [cronjob.name for cronjob, found in self._live() if found and adopted_by(found) == self.dag_id]:
            raise HandoverError(f"somebody adopted {', '.join(again)} meanwhile: the DAG stays on")
        self.airflow.switch(self.dag_id, on=False)
        self.say(f"DAG {self.dag_id} is off")

    def _roots(self) -> set[str]:
        return set[str]().union(*(self.order.roots(cronjob.key) for cronjob in self.cronjobs))

    def _done_tick(self, cronjob: CronJob, ticks: Mapping[str, datetime | None]) -> datetime | None:
        """The tick of its own that Airflow's last round stood for, which may be still to come."""
        began = [tick for key in self.order.roots(cronjob.key) if (tick := ticks[key])]
        if began and self.order.awaited(self.dag_id):
            start = self.airflow.last_start(self.dag_id)
            if start is None or start < max(began):  # what it waits for has not come to its end
                return max(began)
        return self.order.own_tick(cronjob.key, ticks)

    def _check_round(self, live: Live) -> None:
        """What was begun before it, nobody would end."""
        started = {
            cronjob.key: last_schedule(found)
            for cronjob, found in live
            if found and cronjob.key not in self.order.after and not is_suspended(found)
        }
        others = {key: dag_id for key in self._roots() if (dag_id := self.order.dags[key]) != self.dag_id}
        started |= {key: self.airflow.last_tick(dag_id) for key, dag_id in others.items()}
        for cronjob, found in live:
            if found and not is_suspended(found) and cronjob.key in self.order.after:
                tick = self.order.own_tick(cronjob.key, started)
                if tick is not None and tick > datetime.now(UTC):
                    raise HandoverError(
                        f"{cronjob.name} is still due at {tick:%H:%M} UTC, after what was run before it, and would not "
                        "run. Adopt it later, or say --despite-round"
                    )

    def _live(self) -> Live:
        def find(cronjob: CronJob) -> dict[str, Any] | None:
            return self.cluster.cronjob(cronjob.manifest.namespace or self.namespace, cronjob.name)

        return [(cronjob, find(cronjob)) for cronjob in self.cronjobs]

    def _check_drift(self, *, despite_drift: bool) -> None:
        drifted = False
        for cronjob in self.cronjobs:
            for difference in self.cluster.differences(cronjob.manifest, self.namespace) or []:
                drifted = True
                self.say(f"CronJob {cronjob.name} differs: {difference}")
        if drifted and not despite_drift:
            raise HandoverError(
                "Airflow would run the file, not what the cluster has. Bring them together (kubectl apply, or edit the "
                "file), or say --despite-drift"
            )

    def _await_runs(self, patience_seconds: float) -> None:
        deadline = time.monotonic() + patience_seconds
        reported = False
        while active := self.airflow.active_runs(self.dag_id):
            if time.monotonic() > deadline:
                raise HandoverError(
                    f"{active} runs of {self.dag_id} have not ended; the DAG is still on. Run this again, or give it "
                    "longer with --wait"
                )
            if not reported:
                self.say(f"Waiting for {active} runs of {self.dag_id} to end")
                reported = True
            time.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))


def dag_of(loaded: LoadedCronJobs, name: str) -> str:
    """The DAG that a name stands for.

    :param name: of a DAG or of a CronJob.
    :raises HandoverError: there is none, or several have that name.
    """
    order = order_of(loaded)
    found = {dag_id for key, dag_id in order.dags.items() if name in (dag_id, order.cronjobs[key].name)}
    if len(found) == 1:
        return found.pop()
    refused = [manifest for manifest, _ in loaded.refused if manifest.name == name]
    if refused:
        raise HandoverError(f"the manifest of {name} ({refused[0].file}) has to be fixed first: see ./baton import")
    known = ", ".join(sorted(set(order.dags.values()))) or "none"
    what = f"several DAGs run a CronJob {name}" if found else f"there is no CronJob and no DAG {name}"
    raise HandoverError(f"{what}: name one of {known}")


@app.command()
def adopt(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A CronJob, or a DAG of CronJobs.")],
    airflow: Annotated[str, typer.Option(metavar="URL", envvar="AIRFLOW_API_URL", help="Airflow's address.")] = "",
    release: Annotated[bool, typer.Option("--release", help="Give the ticks back to the cluster.")] = False,
    despite_drift: Annotated[
        bool, typer.Option("--despite-drift", help="Also if the cluster's CronJob differs from the file.")
    ] = False,
    despite_round: Annotated[
        bool,
        typer.Option(
            "--despite-round",
            help="Also while the cluster is in the middle of the chain, of which the rest does not run then.",
        ),
    ] = False,
    wait: Annotated[float, typer.Option(metavar="SECONDS", help="For runs to end.")] = 600,
    manifests: Annotated[
        list[Path], typer.Option(metavar="PATH", exists=True, help="A folder or a file; give it once for each.")
    ] = [Path("include/cronjobs")],  # noqa: B006  (read only; Typer shows it)
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Of manifests that name none.")] = "default",
    kubeconfig: Annotated[
        str | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config, or the pod's own account.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="A context of the kubeconfig other than its current one.")] = None,
) -> None:
    """A CronJob's ticks change hands, from the cluster's controller to Airflow, or back.

    NAME is a CronJob or a DAG; CronJobs that one DAG runs as a chain change hands together. Run the command again to go
    on after a crash. Airflow's token is read from $AIRFLOW_API_TOKEN.

    Exit codes: 0 done, 1 something has to be fixed first, 2 nothing could be done: wrong words, no cluster,
    no Airflow.
    """
    token = os.environ.get("AIRFLOW_API_TOKEN")
    if not airflow or not token:
        raise typer.BadParameter(
            "say where Airflow is (--airflow or $AIRFLOW_API_URL) and give a token in $AIRFLOW_API_TOKEN"
        )
    loaded = load_cronjobs(manifests)
    dag_id = dag_of(loaded, name)
    with (
        closing(AdoptionClient(kubeconfig, context)) as cluster,
        closing(Airflow(airflow, token)) as other,
    ):
        handover = Handover(dag_id, order_of(loaded), cluster, other, print, namespace)
        if release:
            handover.release(wait)
        else:
            handover.adopt(despite_drift=despite_drift, despite_round=despite_round)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    return command_line.run(app, "adopt", "baton.cronjobs.adopt.command", arguments, wrong=HandoverError)


if __name__ == "__main__":
    sys.exit(main())
