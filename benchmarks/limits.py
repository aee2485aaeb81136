"""What PostgreSQL's own tools take for the same tables, unmasked: nothing that moves rows between servers is faster."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from measurement import Measured, pipe, run
from psycopg import sql

from baton_local.postgres import Postgres, binaries

KEYS = """
SELECT format('ALTER TABLE %%s ADD %%s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
WHERE contype = 'p' AND conrelid = ANY (%s::regclass[])
"""


@dataclass(frozen=True)
class Limits:
    """Measures on one server.

    :param columns: dataset → the columns whose values a policy lets out, as the export reads them.
    """

    server: Postgres
    columns: dict[str, list[str]]
    scratch: Path

    def copy_out(self, every_column: bool) -> list[Measured]:
        """Binary COPY to nowhere, table by table, of all columns or of those that the export reads."""
        measured = []
        for dataset, columns in self.columns.items():
            names = "*" if every_column else ", ".join(f'"{name}"' for name in columns)
            query = f"COPY (SELECT {names} FROM public.{dataset}) TO STDOUT (FORMAT binary)"  # noqa: S608
            command = [*self._psql("shop"), "--output=/dev/null", "--command", query]
            seconds, _, _ = run(command, self._environment())
            measured.append(Measured(f"copy out {dataset}", seconds, seconds))
        return measured

    def copy_in(self) -> list[Measured]:
        """Binary COPY of the rows that the chain has loaded into a new, logged table, and then its primary key."""
        measured = []
        for dataset in self.columns:
            dump = self.scratch / f"{dataset}.copy"
            with dump.open("wb") as file:
                query = f"COPY public.{dataset} TO STDOUT (FORMAT binary)"
                subprocess.run(
                    [*self._psql("warehouse"), "--command", query], env=self._environment(), stdout=file, check=True
                )
            keys = self._keys("warehouse", [dataset])
            self._execute("warehouse", f"CREATE SCHEMA again; CREATE TABLE again.{dataset} (LIKE public.{dataset})")
            copy = f"COPY again.{dataset} FROM STDIN (FORMAT binary)"
            with dump.open("rb") as file:
                commands = [word for key in keys for word in ("--command", key.replace("TABLE ", "TABLE again.", 1))]
                command = [*self._psql("warehouse"), "--single-transaction", "--command", copy, *commands]
                seconds, _, _ = run(command, self._environment(), file)
            measured.append(Measured(f"copy in {dataset}", seconds, seconds))
            self._execute("warehouse", "DROP SCHEMA again CASCADE")
            dump.unlink()
        return measured

    def dump_and_restore(self) -> list[Measured]:
        """``pg_dump | pg_restore`` of the same tables, unmasked, with their primary keys."""
        self._remake("limit")
        dump, restore = str(binaries() / "pg_dump"), str(binaries() / "pg_restore")
        source, target = self._address("shop"), self._address("limit")
        # Types and empty tables first, untimed: pg_dump of single tables leaves their enums out.
        pipe(
            [dump, "--format=custom", "--section=pre-data", source], [restore, "--dbname", target], self._environment()
        )
        tables = [f"--table=public.{dataset}" for dataset in self.columns]
        data = [dump, "--format=custom", "--compress=none", "--data-only", *tables, source]
        seconds = pipe(data, [restore, "--data-only", "--dbname", target], self._environment())
        for key in self._keys("shop", list(self.columns)):
            added, _, _ = run([*self._psql("limit"), "--command", key], self._environment())
            seconds += added
        return [Measured("pg_dump | pg_restore", seconds, seconds)]

    def checkpoint(self) -> None:
        """Write everything back, so that no measure pays for the one before."""
        self._execute("postgres", "CHECKPOINT")

    def _remake(self, database: str) -> None:
        with psycopg.connect(self.server.dsn("postgres"), autocommit=True) as connection:
            name = sql.Identifier(database)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(name))

    def _execute(self, database: str, statement: str) -> None:
        with psycopg.connect(self.server.dsn(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _keys(self, database: str, datasets: list[str]) -> list[str]:
        with psycopg.connect(self.server.dsn(database)) as connection:
            names = [f"public.{dataset}" for dataset in datasets]
            return [key for (key,) in connection.execute(KEYS, (names,))]

    def _environment(self) -> dict[str, str]:
        return {"PGPASSWORD": self.server.password}

    def _address(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.server.port}/{database}"

    def _psql(self, database: str) -> list[str]:
        return [
            str(binaries() / "psql"),
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--dbname",
            self._address(database),
        ]
