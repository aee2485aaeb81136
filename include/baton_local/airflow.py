"""Airflow's own processes on one machine: settings tuned for latency, commands, readiness; Airflow is not imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from baton_local import accounts
from baton_local.component import Component
from baton_local.errors import StackError
from baton_local.layout import Layout
from baton_local.object_store import REGION, stage_key
from baton_local.settings import Credentials, Ports, digest, write_private
from baton_local.supervision import inherited_environment

# Tasks mostly wait for pods while deferred, which holds no worker; each worker is a forked process of 100 MB and more.
WORKERS = 6

WATCH_SECONDS = 5

# Airflow's log servers listen on all addresses and have no setting for it. Here nobody needs them: all components share
# one folder of logs.
_WITHOUT_LOG_SERVER = ("--skip-serve-logs",)

COMPONENTS = {"api-server": (), "scheduler": _WITHOUT_LOG_SERVER, "dag-processor": (), "triggerer": _WITHOUT_LOG_SERVER}
"""Component → its options."""

# Health of a component in GET /api/v2/monitor/health, by component name.
HEALTH_KEYS = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}


@dataclass(frozen=True)
class Airflow:
    """One Airflow installation of the stack."""

    layout: Layout
    ports: Ports
    credentials: Credentials
    database_dsn: str
    extra_dags: Path | None = None
    policies: Path | None = None
    warehouse: str = "warehouse"

    @property
    def url(self) -> str:
        """Address of the web UI and the REST API."""
        return f"http://127.0.0.1:{self.ports.ui}"

    @property
    def task_logs(self) -> Path:
        """Where the logs of tasks are: a folder for each DAG, run and task, a file for each try."""
        return self.layout.airflow_home / "logs"

    def environment(self, component: str = "scheduler") -> dict[str, str]:
        """Airflow's configuration as environment variables; some values are secret.

        :param component: as whose account Kubernetes is asked, see ``accounts``.
        """
        project = self.layout.project
        return {
            "AIRFLOW_HOME": str(self.layout.airflow_home),
            "PYTHONPATH": os.pathsep.join(str(project / name) for name in ("plugins", "include", "config")),
            "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]),
            # Four processes that compile the same thousands of modules at each start take longer than all else.
            "PYTHONDONTWRITEBYTECODE": "",
            # Airflow's own; it would stand in the log of every task.
            "PYTHONWARNINGS": "ignore:GitWildMatchPattern:DeprecationWarning",
            "BATON_SETTINGS_FILE": str(project / "config" / "baton.yaml"),
            "BATON_ALERTS_CREDENTIALS": str(self.alert_senders),
            "BATON_KUBECONFIG": str(self.layout.kubeconfig),
            "AIRFLOW_CONN_KUBERNETES_DEFAULT": self._kubernetes_connection(component),
            "AIRFLOW_CONN_SMTP_DEFAULT": self._smtp_connection(),
            "AIRFLOW_CONN_SLACK_API_DEFAULT": self._slack_connection(),
            "AIRFLOW_CONN_AWS_DEFAULT": self._aws_connection(),
            "AIRFLOW_CONN_FUNCTIONS_DEFAULT": self._functions_connection(),
            "AIRFLOW_CONN_FUNCTION_CALLBACKS": self._callbacks_connection(),
            "AIRFLOW_CONN_SHOP": self._shop_connection("shop_reader", self.credentials.shop_reader_password),
            "AIRFLOW_CONN_SHOP_WORKER": self._shop_connection("shop_worker", self.credentials.password("shop_worker")),
            "AIRFLOW_CONN_AIRFLOW_API_DEFAULT": self._api_connection(),
            "AIRFLOW_CONN_WAREHOUSE_DEFAULT": self._warehouse_connection(),
            **({"BATON_POLICIES_FOLDER": str(self.policies)} if self.policies else {}),
            **{f"AIRFLOW__{name}": value for name, value in self._options().items()},
        }

    def _kubernetes_connection(self, component: str) -> str:
        path = accounts.kubeconfig_of(self.layout, component)
        extra = {"kube_config_path": str(path), "in_cluster": False, "namespace": "baton"}
        return json.dumps({"conn_type": "kubernetes", "extra": extra})

    def _smtp_connection(self) -> str:
        extra = {
            "disable_ssl": True,
            "disable_tls": True,
            "from_email": "baton@localhost",
            "to_email": "operators@localhost",
        }
        return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": self.ports.smtp, "extra": extra})

    def _slack_connection(self) -> str:
        extra = {"base_url": f"http://127.0.0.1:{self.ports.slack}/api/"}
        return json.dumps({"conn_type": "slack", "password": self.credentials.slack_token, "extra": extra})

    def _aws_connection(self) -> str:
        key = stage_key(self.credentials.master_key, "airflow")
        extra = {"endpoint_url": f"http://127.0.0.1:{self.ports.object_store}", "region_name": REGION}
        return json.dumps({"conn_type": "aws", "login": key.key_id, "password": key.secret, "extra": extra})

    def _functions_connection(self) -> str:
        password, extra = self.credentials.gateway_password, {"protocol": "openfaas"}
        address = {"conn_type": "http", "host": "127.0.0.1", "port": self.ports.gateway}
        return json.dumps({**address, "login": "admin", "password": password, "extra": extra})

    def _callbacks_connection(self) -> str:
        key = self.credentials.callback_key
        return json.dumps({"conn_type": "http", "host": "127.0.0.1", "port": self.ports.ui, "password": key})

    def _shop_connection(self, role: str, password: str) -> str:
        address = {"conn_type": "postgres", "host": "127.0.0.1", "port": self.ports.postgres, "schema": "shop"}
        return json.dumps({**address, "login": role, "password": password})

    def _api_connection(self) -> str:
        login = {"login": self.credentials.ui_user, "password": self.credentials.ui_password}
        return json.dumps({"conn_type": "http", "host": "127.0.0.1", "port": self.ports.ui, **login})

    def _warehouse_connection(self) -> str:
        login = {"login": "warehouse", "password": self.credentials.warehouse_loader_password, "schema": self.warehouse}
        return json.dumps({"conn_type": "postgres", "host": "127.0.0.1", "port": self.ports.postgres, **login})

    def _options(self) -> dict[str, str]:
        project, home = self.layout.project, self.layout.airflow_home
        return {
            "CORE__DAGS_FOLDER": str(project / "dags"),
            "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(self._bundles()),
            "CORE__PLUGINS_FOLDER": str(project / "plugins"),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": str(WORKERS),
            "CORE__MAX_ACTIVE_TASKS_PER_DAG": "32",
            "CORE__FERNET_KEY": self.credentials.fernet_key,
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{self.credentials.ui_user}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            # The tables of the alert receiver and of the jobs API.
            "DATABASE__EXTERNAL_DB_MANAGERS": ",".join(
                ["baton.alerts.db_manager.AlertsDbManager", "baton.jobs.api.db_manager.JobsApiDbManager"]
            ),
            "DATABASE__SQL_ALCHEMY_CONN": self.database_dsn.replace("postgresql://", "postgresql+psycopg2://", 1),
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.ports.ui),
            "API__BASE_URL": self.url,
            "API__WORKERS": "1",
            "API__SECRET_KEY": self.credentials.api_secret_key,
            "API_AUTH__JWT_SECRET": self.credentials.jwt_secret,
            # Seen: the only setting that matters for the time between two tasks (0.95 s -> 0.18 s).
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
            "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
            # After a kill -9 a task goes on within a minute instead of five or six.
            "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
            "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            # A worker slot is held this long after a task's end in half of the cases; the default is 5.
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            # A task that starts before the api-server is up again waits for it instead of failing.
            "WORKERS__EXECUTION_API_RETRIES": "20",
            "WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "5",
            # The default of five minutes is for remote systems that have to recover.
            "CORE__DEFAULT_TASK_RETRY_DELAY": "5",
            "DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
            # A file that changes is read at once; this is for what else a DAG is made of, such as manifests.
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
            "DAG_PROCESSOR__REFRESH_INTERVAL": "10",
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "LOGGING__BASE_LOG_FOLDER": str(self.task_logs),
            "LOGGING__UVICORN_LOGGING_LEVEL": "WARNING",
            "LOGGING__LOGGING_CONFIG_CLASS": "shared_folder_logs.LOGGING_CONFIG",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }

    def _bundles(self) -> list[dict[str, Any]]:
        folders = {"dags-folder": self.layout.project / "dags", "extra-dags": self.extra_dags}
        return [
            {
                "name": name,
                "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
                "kwargs": {"path": str(folder)},
            }
            for name, folder in folders.items()
            if folder
        ]

    def command(self, *words: str) -> list[str]:
        """An ``airflow`` command line run by this Python."""
        return [sys.executable, "-m", "airflow", *words]

    def python(self, *words: str) -> str:
        """Run Python with Airflow's environment to its end; returns its standard output.

        :raises StackError: it failed; its last lines are in the message.
        """
        done = subprocess.run(
            [sys.executable, *words],
            env={**inherited_environment(), **self.environment()},
            capture_output=True,
            text=True,
            check=False,
            cwd=self.layout.run,
        )
        if done.returncode != 0:
            tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
            raise StackError(f"`python {' '.join(words)}` failed:\n{tail}")
        return done.stdout

    def write_password_file(self) -> None:
        """Give the web UI its user; SimpleAuthManager reads plain JSON."""
        passwords = {self.credentials.ui_user: self.credentials.ui_password}
        write_private(self.layout.airflow_home / "passwords.json", json.dumps(passwords))

    def watch_environment(self, *, notifies: bool) -> dict[str, str]:
        """What the watch needs to look at this Airflow.

        :param notifies: also whom to tell: the stack's mailbox and Slack's stand-in.
        """
        own = self.credentials
        airflow = {
            "BATON_AIRFLOW_URL": self.url,
            "BATON_AIRFLOW_USER": own.ui_user,
            "BATON_AIRFLOW_PASSWORD": own.ui_password,
        }
        people = {
            "BATON_SMTP_URL": f"smtp://127.0.0.1:{self.ports.smtp}",
            "BATON_NOTICE_MAIL_TO": "operators@localhost",
            "BATON_ESCALATION_MAIL_TO": "on-call@localhost",
            "BATON_SLACK_API_URL": f"http://127.0.0.1:{self.ports.slack}/api",
            "BATON_SLACK_TOKEN": own.slack_token,
            "BATON_NOTICE_SLACK_CHANNEL": "#failures",
        }
        return {**airflow, **(people if notifies else {})}

    def watch(self) -> Component:
        """The process that tells people what fails, and that Airflow does not work."""
        memory = self.layout.state / "watch.json"
        return Component(
            name="watch",
            command=[sys.executable, "-m", "baton_workloads", "watch", "--every", str(WATCH_SECONDS)],
            is_ready=memory.exists,
            environment={
                "PYTHONPATH": str(self.layout.project / "include"),
                "BATON_WATCH_MEMORY": memory.as_uri(),
                **self.watch_environment(notifies=True),
            },
            order=3,
        )

    @property
    def alert_senders(self) -> Path:
        """Who may send alerts: names, and digests of tokens."""
        return self.layout.airflow_home / "alert_senders.json"

    def write_alert_senders(self) -> None:
        """Let whoever has the stack's token send alerts. A file of the user's own is left as it is."""
        if not self.alert_senders.exists():
            key = {"id": "1", "sha256": digest(self.credentials.alerts_token.encode())}
            sender = {"name": "local", "type": "bearer", "keys": [key]}
            write_private(self.alert_senders, json.dumps({"credentials": [sender]}, indent=2))

    def components(self) -> list[Component]:
        """The four long-running processes."""
        return [
            Component(
                name=name,
                command=self.command(name, *options),
                is_ready=lambda name=name: self.is_healthy(name),  # type: ignore[misc]
                environment=self.environment(name),
                stop_seconds=20,
                order=2,
            )
            for name, options in COMPONENTS.items()
        ]

    def is_healthy(self, name: str) -> bool:
        """Whether the component says of itself that it is up and beating."""
        try:
            response = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5)
            response.raise_for_status()
        except httpx.HTTPError:
            return False
        if name == "api-server":
            return self._executes()
        health: dict[str, dict[str, str | None]] = response.json()
        return health[HEALTH_KEYS[name]]["status"] == "healthy"

    def _executes(self) -> bool:
        """Whether the API that tasks talk to has been made.

        Why asked: cadwyn makes the routes of all versions at the first request, whatever that is, and Airflow answers
        nobody meanwhile: seconds on a quiet machine, a minute and more on a busy one. It is paid here, before anybody
        waits for a task or the UI.
        """
        try:
            return httpx.get(f"{self.url}/execution/health", timeout=5).is_success
        except httpx.HTTPError:
            return False
