"""`./baton adopt NAME`: a CronJob's ticks change hands, from the cluster's controller to Airflow, or back.

NAME is a CronJob or a DAG; CronJobs that one DAG runs as a chain change hands together. The order makes a crash between
two steps harmless: whoever takes over begins before the other one ends, and a tick's Job has the same name on both
sides, so that no tick runs twice and none is left out. Run the command again to go on.

Exit codes: 0 done, 1 something has to be mended first, 2 nothing could be done: no cluster, no Airflow.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baton.exceptions import BatonError
from baton.jobs.adopt_airflow import Airflow
from baton.jobs.adopt_cluster import AdoptingCluster, adopted_by
from baton.jobs.manifests_catalogue import Catalogue, read_catalogue
from baton.jobs.manifests_cronjob import CronJob

DONE, TO_MEND, NOTHING_DONE = 0, 1, 2
_POLL_SECONDS = 2.0

Say = Callable[[str], None]


class HandoverError(BatonError):
    """The CronJobs cannot change hands as they are."""


@dataclass(frozen=True)
class Handover:
    """The CronJobs of one DAG, on their way from one hand to the other.

    :param namespace: for manifests that name none.
    """

    dag_id: str
    cronjobs: list[CronJob]
    cluster: AdoptingCluster
    airflow: Airflow
    say: Say
    namespace: str = "default"

    def adopt(self, *, despite_drift: bool) -> None:
        """Switch the DAG on, then suspend the CronJobs.

        :raises HandoverError: a CronJob differs from its file, or the DAG is out of date.
        """
        self._check_drift(despite_drift=despite_drift)
        if self.airflow.is_stale(self.dag_id):
            raise HandoverError(f"the DAG {self.dag_id} is out of date in Airflow: its file does not make it any more")
        self.airflow.switch(self.dag_id, on=True)
        self.say(f"DAG {self.dag_id} is on")
        for cronjob, live in self._live():
            if live is None:
                self.say(f"CronJob {cronjob.name} is not in the cluster: there is nothing to suspend")
            else:
                self.cluster.suspend(live, self.dag_id)
                self.say(f"CronJob {cronjob.name} is suspended in the cluster: Airflow runs its ticks")

    def release(self, patience_seconds: float) -> None:
        """Let the CronJobs go on, then switch the DAG off when its runs have ended.

        :raises HandoverError: runs did not end in time; the DAG stays on, which doubles nothing.
        """
        last_tick = self.airflow.last_tick(self.dag_id)
        for cronjob, live in self._live():
            if live is None or adopted_by(live) != self.dag_id:
                self.say(f"CronJob {cronjob.name} was not adopted by {self.dag_id}: left as it is")
                continue
            self.cluster.give_back(live, last_tick)
            self.say(f"CronJob {cronjob.name} is the cluster's again")
        self._await_runs(patience_seconds)
        self.airflow.switch(self.dag_id, on=False)
        self.say(f"DAG {self.dag_id} is off")

    def _live(self) -> list[tuple[CronJob, dict[str, Any] | None]]:
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
        told = False
        while active := self.airflow.active_runs(self.dag_id):
            if time.monotonic() > deadline:
                raise HandoverError(
                    f"{active} runs of {self.dag_id} have not ended; the DAG is still on. Run this again, or give it "
                    "longer with --wait"
                )
            if not told:
                self.say(f"Waiting for {active} runs of {self.dag_id} to end")
                told = True
            time.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))


def dag_of(catalogue: Catalogue, name: str) -> tuple[str, list[CronJob]]:
    """The DAG that a name stands for, and the CronJobs that it runs.

    :param name: of a DAG or of a CronJob.
    :raises HandoverError: there is none, or several have that name.
    """
    members = {key: [job] for key, job in catalogue.cronjobs.items()}
    for chain in catalogue.chains:
        if chain.handover == "tasks":
            members[chain.name] = [catalogue.cronjobs[key] for key in chain.links]
            for key in chain.links:
                del members[key]
    found = [dag_id for dag_id, jobs in members.items() if name == dag_id or name in [job.name for job in jobs]]
    if len(found) == 1:
        return found[0], members[found[0]]
    refused = [manifest for manifest, _ in catalogue.refused if manifest.name == name]
    if refused:
        raise HandoverError(f"the manifest of {name} ({refused[0].file}) has to be mended first: see ./baton import")
    known = ", ".join(sorted(members)) or "none"
    what = f"several DAGs run a CronJob {name}" if found else f"there is no CronJob and no DAG {name}"
    raise HandoverError(f"{what}: name one of {known}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _options(arguments)
    try:
        dag_id, cronjobs = dag_of(read_catalogue(options.manifests), options.name)
        with (
            closing(AdoptingCluster(options.kubeconfig, options.context)) as cluster,
            closing(Airflow(options.airflow, os.environ["AIRFLOW_API_TOKEN"])) as airflow,
        ):
            handover = Handover(dag_id, cronjobs, cluster, airflow, print, options.namespace)
            if options.release:
                handover.release(options.wait)
            else:
                handover.adopt(despite_drift=options.despite_drift)
    except HandoverError as err:
        print(f"baton adopt: {err}", file=sys.stderr)
        return TO_MEND
    except BatonError as err:
        print(f"baton adopt: {err}", file=sys.stderr)
        return NOTHING_DONE
    return DONE


def _options(arguments: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(
        prog="./baton adopt", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", metavar="NAME", help="a CronJob, or a DAG of CronJobs")
    parser.add_argument("--release", action="store_true", help="give the ticks back to the cluster")
    parser.add_argument(
        "--despite-drift", action="store_true", help="also if the cluster's CronJob differs from the file"
    )
    parser.add_argument("--wait", type=float, default=600, metavar="SECONDS", help="for runs to end (default: 600)")
    parser.add_argument(
        "--manifests", type=Path, nargs="+", metavar="PATH", default=[Path("include/cronjobs")], help="folders or files"
    )
    parser.add_argument("--namespace", "-n", default="default", help="of manifests that name none (default: default)")
    parser.add_argument("--kubeconfig", help="default: $KUBECONFIG, ~/.kube/config, or the pod's own account")
    parser.add_argument("--context", help="a context of the kubeconfig other than its current one")
    parser.add_argument("--airflow", metavar="URL", default=os.environ.get("AIRFLOW_API_URL"), help="Airflow's address")
    options = parser.parse_args(arguments)
    if not options.airflow or not os.environ.get("AIRFLOW_API_TOKEN"):
        parser.error("say where Airflow is (--airflow or $AIRFLOW_API_URL) and give a token in $AIRFLOW_API_TOKEN")
    return options


if __name__ == "__main__":
    sys.exit(main())
