"""The whole stack of one checkout: which parts there are, in which order they start, and how they end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
import psycopg.conninfo

from baton_local import accounts, leftovers, mailbox, object_store, settings, shop, warehouse_api
from baton_local.airflow import Airflow
from baton_local.airflow_api import SAY_EVERY_SECONDS, SILENCE_SECONDS, AirflowApi
from baton_local.component import Component, is_healthy
from baton_local.errors import StackError
from baton_local.gateway.part import GatewayPart
from baton_local.layout import Layout
from baton_local.local_cluster import LocalCluster, end_pods
from baton_local.postgres import Postgres
from baton_local.settings import Credentials, Ports
from baton_local.stage_secrets import stage_secrets
from baton_local.supervision import Supervisor

READER = ("pg_read_all_data",)
SHOP_ROLES = {
    "shop_worker": ("pg_read_all_data", "pg_write_all_data"),
    "shop_maintainer": ("pg_maintain", "pg_monitor", "pg_read_all_data"),
    "shop_backup": ("pg_read_all_data",),
}
"""Roles in the demo schema besides the reader, and PostgreSQL's predefined roles that they are members of."""

LOGS_CLAIM = "logs"
"""What the DAG rotate_logs mounts; pods of the user's own may write their logs there."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What a start can be given.

    :param source_dsn: the user's own source database; None for the demo schema ``shop``.
    :param policies: the folder of policies for the user's own source; None for those of the demo schema.
    :param scale: size of the demo schema: 1 is 2 million customers and 6 million orders; None for what is there.
    :param isolation: of pods: ``auto``, ``mount``, ``user`` or ``none``.
    :param extra_dags: a second folder of DAGs beside the project's, for benchmarks and tests.
    :param slow_cluster: let the local Kubernetes play a slow, busy one.
    :param restricted: have its namespace refuse pods that are not restricted, as `deploy/kubernetes` says; else their
     makers are only warned, so that CronJobs can be tried as they are.
    :param canary: text to plant into the demo schema's personal columns; tests look for it where it must not be.
    """

    source_dsn: str | None = None
    policies: Path | None = None
    scale: float | None = None
    isolation: str = "auto"
    extra_dags: Path | None = None
    slow_cluster: bool = False
    restricted: bool = False
    canary: str | None = None


class Stack:
    """One stack: made from its stored state, started and stopped as a whole."""

    def __init__(self, layout: Layout, ports: Ports, credentials: Credentials, options: Options) -> None:
        self.layout, self.ports, self.credentials, self.options = layout, ports, credentials, options
        self.supervisor = Supervisor(layout)
        self.postgres = Postgres(layout.run / "postgres" / "data", ports.postgres, credentials.postgres_password)
        self.cluster = LocalCluster(layout, ports.kubernetes, options.isolation, slow=options.slow_cluster)
        metadata_dsn = self._dsn("airflow", "airflow", credentials.airflow_db_password)
        self.airflow = Airflow(
            layout, ports, credentials, metadata_dsn, options.extra_dags, options.policies, self.warehouse
        )
        self.gateway = GatewayPart(layout, ports.gateway, credentials.gateway_password)
        self.api = AirflowApi(
            self.airflow.url, credentials.ui_user, credentials.ui_password, dead_components=self.supervisor.dead
        )

    def _dsn(self, database: str, user: str, password: str) -> str:
        return self.postgres.dsn(database, user, password)

    @property
    def source_dsn(self) -> str:
        """Where the chain exports from."""
        return self.options.source_dsn or self._dsn("shop", "shop_reader", self.credentials.shop_reader_password)

    @property
    def warehouse_dsn(self) -> str:
        """Where the chain loads to."""
        return self._dsn(self.warehouse, "warehouse", self.credentials.warehouse_loader_password)

    @property
    def warehouse(self) -> str:
        """The warehouse's database: each source has its own, since a load replaces what another source left there."""
        return warehouse_database(self.options.source_dsn)

    def parts(self) -> list[Component]:
        """What stands by itself; all of it starts at once."""
        project, ports = self.layout.project, self.ports
        environment = {"PYTHONPATH": str(project / "include")}
        credentials_file = str(self.layout.state / "credentials.json")
        return [
            Component("postgres", self.postgres.command(), self.postgres.is_ready, stop_signal="INT", stop_seconds=30),
            self.cluster.component(),
            Component(
                "object-store",
                [sys.executable, "-m", "baton_local.object_store", str(ports.object_store), credentials_file],
                lambda: object_store.is_ready(ports.object_store),
                environment,
            ),
            Component(
                "slack",
                [sys.executable, "-m", "baton_local.slack", str(ports.slack), credentials_file, str(self.layout.slack)],
                lambda: is_healthy(ports.slack),
                environment,
            ),
            self.gateway.component(),
            Component(
                "warehouse-api",
                [sys.executable, "-m", "baton_local.warehouse_api", str(ports.warehouse_api), credentials_file],
                lambda: is_healthy(ports.warehouse_api),
                environment,
            ),
            Component(
                "mailbox",
                [sys.executable, "-m", "baton_local.mailbox", str(ports.smtp), str(self.layout.mail)],
                lambda: mailbox.is_ready(ports.smtp),
                environment,
            ),
        ]

    def start(self, report: Report) -> None:
        """Start everything and wait until it is ready.

        :raises StackError: a part did not start; what it was and what to do is in the message.
        """
        self._check_policies()
        self._check_source()
        parts, airflow, watch = self.parts(), self.airflow.components(), self.airflow.watch()
        (self.layout.run / "postgres").mkdir(exist_ok=True)
        self.postgres.initialise()
        self.airflow.write_password_file()
        addresses = self._addresses()
        self.gateway.write_secrets(
            {"shop-dsn": addresses["BATON_SHOP_WORKER_DSN"], "smtp-url": addresses["BATON_SMTP_URL"]}
        )
        self.airflow.write_alert_senders()
        self.supervisor.launch([*parts, *airflow, watch])
        report("PostgreSQL 18, S3, SMTP, Slack's stand-in, a gateway of functions and the local Kubernetes")
        self._start(parts)
        self._make_databases()
        accounts.make(self.cluster, restricted=self.options.restricted)
        with ThreadPoolExecutor() as pool:
            parts_made = (self._make_source, self._make_secrets, self._compile_workloads)
            preparations = [pool.submit(make) for make in parts_made]
            report("Airflow's metadata database")
            self._migrate()
            report("Airflow: api-server, scheduler, dag-processor, triggerer")
            self._start(airflow)
            self._start([watch])
            for preparation in preparations:
                preparation.result()

    def _check_policies(self) -> None:
        """A source of the user's own has tables of its own, so policies of its own as well."""
        own, policies = self.options.source_dsn is not None, self.options.policies
        if own and policies is None:
            raise StackError(
                "--source needs --policies FOLDER, which says what may leave it. Write first ones with: "
                "./baton policy init --source … -o FOLDER"
            )
        if policies is not None and not own:
            raise StackError("--policies goes with --source: the demo schema has its own in include/etl/policies")
        if policies is not None and not any(policies.glob("*.yaml")):
            raise StackError(f"{policies} holds no policy (*.yaml): write first ones with ./baton policy init")

    def _check_source(self) -> None:
        """Ask a source of the user's own now, not minutes later from within a pod."""
        if self.options.source_dsn is None:
            return
        try:
            psycopg.connect(self.options.source_dsn, connect_timeout=10).close()
        except psycopg.ProgrammingError as err:  # its text would repeat what was given, passwords included
            raise StackError("--source is no database address: give postgresql://user:password@host/database") from err
        except psycopg.OperationalError as err:
            raise StackError(f"cannot connect to the source: {str(err).strip()}") from err

    def _start(self, components: list[Component]) -> None:
        for component in components:
            self.supervisor.start(component.name)
        for component in components:
            self.supervisor.await_ready(component)

    def _make_databases(self) -> None:
        own = self.credentials
        self.postgres.make_database("airflow", "airflow", own.airflow_db_password)
        self.postgres.make_database(self.warehouse, "warehouse", own.warehouse_loader_password)
        self.postgres.make_database("scratch", "restorer", own.password("restorer"), may_create=True)
        self.postgres.make_database("shop", "postgres", own.postgres_password)

    def _make_secrets(self) -> None:
        self.cluster.apply_secrets(self.secrets())
        self.cluster.apply_claim(LOGS_CLAIM)

    def _compile_workloads(self) -> None:
        """Compile what pods run, as their image's build does: pods write nothing outside their volumes."""
        folder = self.layout.project / "include" / "baton_workloads"
        # A folder that cannot be written to costs each pod a moment, no more.
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder)], capture_output=True, check=False)

    def secrets(self) -> dict[str, dict[str, str]]:
        """The stages' Secrets, `baton-{stage}` → key → value."""
        endpoint = f"http://127.0.0.1:{self.ports.object_store}"
        # The local Kubernetes writes its kubeconfig when it starts: other parts' addresses are known before.
        backup = self.layout.kubernetes / f"{accounts.BACKUP}.kubeconfig"
        values = {**self._addresses(), "BATON_CLUSTER_KUBECONFIG": backup.read_text()}
        return stage_secrets(values, self.credentials.master_key, endpoint)

    def _addresses(self) -> dict[str, str]:
        """What the stages' Secrets are made from, secret values among them."""
        own = self.credentials
        return {
            "BATON_SOURCE_DSN": self.source_dsn,
            "BATON_WAREHOUSE_DSN": self.warehouse_dsn,
            "BATON_SCRATCH_DSN": self._dsn("scratch", "restorer", own.password("restorer")),
            **{f"BATON_{role.upper()}_DSN": self._dsn("shop", role, own.password(role)) for role in SHOP_ROLES},
            "BATON_RAW_URI": "s3://raw",
            "BATON_PROCESSED_URI": "s3://processed",
            "BATON_COLD_STORAGE_URI": "s3://cold-storage",
            "BATON_BACKUPS_URI": "s3://backups",
            "BATON_REPLICA_URI": "s3://backups-replica",
            "BATON_REPORTS_URI": "s3://reports",
            "BATON_SMTP_URL": f"smtp://127.0.0.1:{self.ports.smtp}",
            "BATON_WARM_BASE_URL": self.airflow.url,
            "BATON_INVENTORY_API_URL": f"http://127.0.0.1:{self.ports.warehouse_api}",
            "BATON_INVENTORY_API_TOKEN": warehouse_api.token(own.master_key),
            "BATON_PSEUDONYM_KEY": own.pseudonym_key,
            "BATON_BACKUP_IDENTITY": own.backup_identity,
            "BATON_BACKUP_RECIPIENTS": settings.recipient(own.backup_identity),
            "BATON_BACKUP_MANIFEST_KEY": settings.derived(own.master_key, "manifests of backups"),
        }

    def _make_source(self) -> None:
        own = self.credentials
        if self.options.source_dsn is None:
            shop.make(self.postgres.dsn("shop"), self.options.scale, canary=self.options.canary)
            self.postgres.make_role("shop", "shop_reader", own.shop_reader_password, READER)
            for role, groups in SHOP_ROLES.items():
                self.postgres.make_role("shop", role, own.password(role), groups)

    def _migrate(self) -> None:
        """Bring Airflow's tables up to date; skipped where this environment did so before (it costs seconds)."""
        stamp = self.layout.run / "postgres" / "data" / "airflow-migrated"
        versions = sorted((self.layout.project / "plugins" / "baton" / "alerts" / "migrations").rglob("*.py"))
        files = [self.layout.project / "requirements.txt", *versions]
        digest = settings.digest(b"".join(file.read_bytes() for file in files))
        if stamp.exists() and stamp.read_text() == digest:
            return
        self.airflow.python("-m", "airflow", "db", "migrate")
        stamp.write_text(digest)

    def await_dag(self, dag_id: str, timeout_seconds: float = SILENCE_SECONDS) -> None:
        """Wait until the dag-processor has stored a DAG that is known to exist.

        :raises StackError: its file cannot be read (the traceback is in the message), or it did not appear in time.
        """
        deadline = time.monotonic() + timeout_seconds
        said = time.monotonic()
        while not self.api.dag_is_known(dag_id):
            errors = self.api.import_errors()
            if errors:
                words = "\n".join(f"{error['filename']}:\n{error['stack_trace']}" for error in errors)
                raise StackError(f"a DAG file cannot be read: {words}")
            if time.monotonic() - said > SAY_EVERY_SECONDS:
                said = time.monotonic()
                self.api.report(f"Waiting for the dag-processor, which has to read {dag_id} …")
            if (dead := self.supervisor.dead()) or time.monotonic() > deadline:
                if dead:
                    raise StackError(f"{', '.join(dead)} does not run: see ./baton logs {dead[0]}")
                raise StackError(
                    f"DAG {dag_id} did not appear within {timeout_seconds:.0f} s: see ./baton logs dag-processor"
                )
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop everything, whatever state it is in; nothing of the stack runs afterwards."""
        self.api.close()
        stop_stack(self.layout, self.supervisor)


def warehouse_database(source_dsn: str | None) -> str:
    """The name of a source's warehouse: by where the source is, whoever reads it with whatever password."""
    if source_dsn is None:
        return "warehouse"
    try:
        parts = psycopg.conninfo.conninfo_to_dict(source_dsn)
    except psycopg.ProgrammingError:
        return "warehouse"  # no address at all, which the start refuses with a message of its own
    place = "/".join(str(parts.get(name, "")) for name in ("host", "hostaddr", "port", "dbname"))
    return f"warehouse_{settings.digest(place.encode())[:12]}"


def stop_stack(layout: Layout, supervisor: Supervisor | None = None) -> bool:
    """Stop a stack that runs, and end what a killed one left behind; returns whether there was anything.

    :param supervisor: the one that was launched by this process, if any.
    """
    supervisor = supervisor or Supervisor(layout)
    running = supervisor.is_running()
    supervisor.stop()
    ended = leftovers.end_leftovers(layout)
    if ended or not running:
        end_pods(layout)
    return running or bool(ended)


def prepare_stack(layout: Layout, options: Options) -> Stack:
    """A stack that is about to start: leftovers of a killed one are ended, ports chosen, credentials made.

    :raises StackError: the stack already runs, or its state cannot be written.
    """
    layout.make()
    if Supervisor(layout).is_running():
        raise StackError("the stack is already running. See ./baton status; stop it with ./baton down")
    leftovers.end_leftovers(layout)
    return Stack(layout, settings.choose_ports(layout.state), settings.credentials(layout.state), options)


def running_stack(layout: Layout) -> Stack:
    """The stack as it runs now.

    :raises StackError: none runs.
    """
    if not Supervisor(layout).is_running():
        raise StackError("the stack is not running. Start it with ./baton up")
    return Stack(layout, settings.stored_ports(layout.state), settings.credentials(layout.state), Options())
