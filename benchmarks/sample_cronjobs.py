"""Any number of everyday CronJobs, as manifests, as dag-factory's YAML, and as DAGs written by hand."""

from __future__ import annotations

import copy
import itertools
import json
import os
import pprint
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from baton_local.layout import PROJECT

EVERYDAY = PROJECT / "include" / "cronjobs" / "examples" / "everyday.yaml.example"
Object = dict[str, Any]
_OPERATOR = "airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator"
_BATON = '''"""Airflow DAGs of many CronJobs."""

from baton.cronjobs.dags import cronjob_dags

globals().update(cronjob_dags({folder!r}))
'''
_BATON_REFUSED = '''"""No Airflow DAG: what was refused."""

from baton.cronjobs.dags import report_refused

report_refused({folder!r})
'''
_JOBS = '''"""Airflow DAGs of many job files."""

from baton.jobs import job_dags

globals().update(job_dags({folder!r}))
'''
_JOBS_REFUSED = '''"""No Airflow DAG: which job files were refused."""

from baton.jobs import report_refused

report_refused({folder!r})
'''
_DAG_FACTORY = '''"""Airflow DAGs of many YAML files."""

from airflow.sdk import DAG
from dagfactory import load_yaml_dags

load_yaml_dags(globals_dict=globals(), dags_folder={folder!r})
'''
_BY_HAND = '''"""Airflow DAGs of many jobs."""

from datetime import datetime

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG

for dag_id, dag_arguments, task_arguments in {jobs}:
    with DAG(dag_id, start_date=datetime(2026, 1, 1), catchup=False, **dag_arguments) as dag:
        KubernetesPodOperator(task_id="run", **task_arguments)
    globals()[dag_id] = dag
'''


def jobs(count: int) -> Iterator[Object]:
    """Yield CronJobs with the variety of the everyday set, each with a name and a minute of its own."""
    kinds = list(yaml.safe_load_all(EVERYDAY.read_text(encoding="utf-8")))
    for number, kind in zip(range(count), itertools.cycle(kinds), strict=False):
        job = copy.deepcopy(kind)
        job["metadata"]["name"] += f"-{number}"
        minute, rest = job["spec"]["schedule"].split(" ", 1)
        job["spec"]["schedule"] = f"{number % 60 if minute.isdigit() else minute} {rest}"
        yield job


def cronjobs(count: int, folder: Path) -> None:
    """A folder of DAGs with Baton's two DAG files, and a folder of manifests, one file for each."""
    manifests = _fresh(folder) / "manifests"
    manifests.mkdir()
    for job in jobs(count):
        (manifests / f"{job['metadata']['name']}.yaml").write_text(yaml.safe_dump(job, sort_keys=False))
    (folder / "cronjobs.py").write_text(_BATON.format(folder=str(manifests)))
    (folder / "refused_manifests.py").write_text(_BATON_REFUSED.format(folder=str(manifests)))


def job_files(count: int, folder: Path) -> None:
    """As many files of jobs, each with a query, a call and a message, on the same schedules."""
    files = _fresh(folder) / "jobs"
    files.mkdir()
    for job in jobs(count):
        name = job["metadata"]["name"]
        steps = [
            {
                "query": "SELECT id FROM items WHERE stock < :least",
                "connection": "shop",
                "with": {"least": 3},
                "as": "low",
            },
            {"call": "POST /orders", "connection": "api", "body": {"items": "{{ low }}"}, "repeatable": True},
            {"send": "slack", "to": ["#stock"], "text": "{{ low | length }} items are low"},
        ]
        content = {"name": name, "cron": job["spec"]["schedule"], "retry": "3 times", "steps": steps}
        (files / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    (folder / "jobs.py").write_text(_JOBS.format(folder=str(files)))
    (folder / "refused_jobs.py").write_text(_JOBS_REFUSED.format(folder=str(files)))


def dag_factory(count: int, folder: Path) -> None:
    """The same jobs for dag-factory, one file for each."""
    yaml_files = _fresh(folder) / "yaml"
    yaml_files.mkdir()
    for job in jobs(count):
        dag_id, dag_arguments, task_arguments = as_dag(job)
        task = {"task_id": "run", "operator": _OPERATOR, **task_arguments}
        dag = {"default_args": {"start_date": "2026-01-01"}, "catchup": False, **dag_arguments, "tasks": [task]}
        (yaml_files / f"{dag_id}.yaml").write_text(yaml.safe_dump({dag_id: dag}, sort_keys=False))
    (folder / "dags.py").write_text(_DAG_FACTORY.format(folder=str(yaml_files)))


def one_python_file(count: int, folder: Path) -> None:
    """The same DAGs as dag-factory's, written in Python."""
    listed = pprint.pformat([as_dag(job) for job in jobs(count)])
    (_fresh(folder) / "dags.py").write_text(_BY_HAND.format(jobs=listed))


def as_dag(job: Object) -> tuple[str, Object, Object]:
    """What people write when they make a DAG of a CronJob: its id, arguments of the DAG, arguments of the task."""
    spec = job["spec"]
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
    dag = {"schedule": spec["schedule"], "max_active_runs": 1 if spec.get("concurrencyPolicy") == "Forbid" else 16}
    task = {
        "name": name,
        "namespace": namespace,
        "image": container["image"],
        "cmds": container.get("command", []),
        "arguments": container.get("args", []),
        "env_vars": {each["name"]: each["value"] for each in container.get("env", [])},
        "retries": spec["jobTemplate"]["spec"].get("backoffLimit", 6),
    }
    return name, dag, task


def airflow_dags(folder: Path) -> dict[str, str]:
    """This process's environment, and the settings of an Airflow that reads a folder."""
    bundle = {
        "name": "measured",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(folder)},
    }
    own = {name: text for name, text in os.environ.items() if not name.startswith("AIRFLOW")}
    return own | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "300",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__DAG_FACTORY__ENABLE_TELEMETRY": "False",
    }


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
