"""
## What
Packs what is known of the workload that an alert names: logs of now and of before the last restart, events, states of
pods and nodes, resource use, metrics around the alert, rollouts. Secrets are taken out before anything is written.
People get a summary in Slack, with a link that expires.

## Inputs → outputs
The run's conf, as the alert receiver makes it (`alert`, `target`, `others`) → one zip with `index.html` in the bucket
*diagnostics*, a message in the channel *#alerts*.

## Schedule and why
None: an alert's route starts it. By hand, with the conf of an earlier run, it collects again.

## If it fails
"namespace … is not among those": allow it in the Airflow Variable `diagnostics_namespaces` and give the service
account of Airflow the Roles of `deploy/kubernetes/incidents.yaml` there. "nothing to look at": the pods are gone
already, or the route fills `target` from the wrong label. A collector that fails does not fail the task; the index
and the message name it.

## Params
None. What Prometheus is asked and which commands may run inside containers is in `include/incidents/diagnostics.yaml`.
"""

from datetime import timedelta

from airflow.sdk import dag

from baton.defaults import default_args
from baton.incidents import CollectDiagnosticsOperator, read_evidence
from baton.queues import Queue
from baton.settings import settings

EVIDENCE = read_evidence(settings().data("incidents", "diagnostics.yaml"))


@dag(
    schedule=None,
    catchup=False,
    # A storm's runs must not starve everything else, nor wait for each other for long: evidence goes stale.
    max_active_runs=8,
    is_paused_upon_creation=False,  # an alert that finds it paused starts nothing; it only reads
    default_args=default_args(
        Queue.CRITICAL, execution_timeout=timedelta(minutes=5), retry_delay=timedelta(seconds=10)
    ),
    tags=["area/incidents", "tier/2"],
    doc_md=__doc__,
)
def collect_diagnostics() -> None:
    CollectDiagnosticsOperator(task_id="collect", queries=EVIDENCE.queries, dumps=EVIDENCE.dumps)


collect_diagnostics()
