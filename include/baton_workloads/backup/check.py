"""What the next backup and its drill would lack, asked before the night: rights, tools, extensions.

The drill's server is asked by doing: a database is made there, each extension of the sources in it, and dropped.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baton_workloads.backup import dump, read_privileges, tools
from baton_workloads.backup.drill import scratch_database, scratch_server
from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError, WorkloadError
from baton_workloads.etl import database
from baton_workloads.progress import say

if TYPE_CHECKING:
    import psycopg

EXTENSIONS = "SELECT extname::text FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1"
# Collations of the operating system or of ICU that tables use; what users made of them is in the dump.
COLLATIONS = """
SELECT DISTINCT o.collname::text
  FROM pg_attribute a JOIN pg_collation o ON o.oid = a.attcollation JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE o.collnamespace = 'pg_catalog'::regnamespace AND NOT a.attisdropped AND n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema' ORDER BY 1
"""
# What only a superuser may make, whatever made it in the source.
FOR_SUPERUSERS = """
SELECT 'event trigger ' || quote_ident(evtname) FROM pg_event_trigger e WHERE NOT EXISTS (
       SELECT FROM pg_depend d WHERE d.objid = e.oid AND d.classid = 'pg_event_trigger'::regclass AND d.deptype = 'e')
UNION ALL
SELECT 'foreign data wrapper ' || quote_ident(fdwname) FROM pg_foreign_data_wrapper w WHERE NOT EXISTS (
       SELECT FROM pg_depend d WHERE d.objid = w.oid AND d.classid = 'pg_foreign_data_wrapper'::regclass
          AND d.deptype = 'e')
UNION ALL
SELECT 'publication ' || quote_ident(pubname) || ' (of all tables)' FROM pg_publication WHERE puballtables
UNION ALL
SELECT 'function ' || p.oid::regprocedure || ' (language ' || l.lanname || ')'
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE NOT l.lanpltrusted AND p.prokind <> 'a' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (  -- of an extension, or of a range type, which makes its own
       SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype IN ('e', 'i'))
 ORDER BY 1
"""


def check() -> dict[str, Any]:
    """Look at every source and at the drill's server.

    :returns: the stage's result: databases with their version, tool and extensions, the drill's server's version.
    :raises WorkloadError: everything that is wrong, in one message; transient where all of it may pass by itself.
    """
    started = time.monotonic()
    wrong: list[WorkloadError] = []
    sources: dict[str, dict[str, Any]] = {}
    for name, dsn in dump.databases().items():
        try:
            sources[name] = _source(name, dsn)
        except WorkloadError as err:
            wrong.append(err)
    version = ""
    try:
        scratch = required("BATON_SCRATCH_DSN")
        with scratch_server(scratch) as server:
            version = server.info.parameter_status("server_version") or ""
            wrong += _lacks(server, scratch, sources)
    except WorkloadError as err:
        wrong.append(err)
    _raise(wrong)
    say(f"{', '.join(sources)} can be dumped, and restored on the drill's server, PostgreSQL {version}")
    return {
        "stage": "check", "databases": sources, "scratch_version": version,
        "seconds": round(time.monotonic() - started, 3),
    }  # fmt: skip


def _raise(wrong: list[WorkloadError]) -> None:
    if not wrong:
        return
    permanent = [error for error in wrong if isinstance(error, ConfigurationError)]
    raise type((permanent or wrong)[0])("; ".join(map(str, wrong)))


def _source(name: str, dsn: str) -> dict[str, Any]:
    with database.connect(dsn, name) as connection, database.named_errors(name):
        read_privileges.check(connection)
        server = connection.info.server_version // 10000
        tool = tools.fitting("pg_dump", least=server, wanted=server)
        return {
            "server": server,
            "pg_dump": tool.version,
            "extensions": [row[0] for row in connection.execute(EXTENSIONS)],
            "collations": [row[0] for row in connection.execute(COLLATIONS)],
            "for_superusers": [row[0] for row in connection.execute(FOR_SUPERUSERS)],
        }


def _lacks(server: "psycopg.Connection[Any]", dsn: str, sources: dict[str, dict[str, Any]]) -> list[WorkloadError]:
    """Say what of the sources the drill's server, or its role, cannot take."""
    row = server.execute("SELECT quote_ident(rolname), rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    role, superuser = row or ("", False)
    wanted = sorted({extension for source in sources.values() for extension in source["extensions"]})
    with scratch_database(server, dsn, "check") as own:
        refused = {extension for extension in wanted if not _takes(own, extension)}
        with database.connect(own, "scratch") as connection:
            collations = {row[0] for row in connection.execute("SELECT collname::text FROM pg_collation")}
    drill = Drill(server.info.server_version // 10000, role, superuser, refused, collations)
    return [ConfigurationError(f"{name} {text}") for name, source in sources.items() for text in drill.lacks(source)]


@dataclass(frozen=True)
class Drill:
    """The drill's server.

    :param refused: extensions of the sources that cannot be made there.
    """

    major: int
    role: str
    superuser: bool
    refused: set[str]
    collations: set[str]

    def lacks(self, source: dict[str, Any]) -> Iterator[str]:
        """Say what of one source it cannot take."""
        if source["server"] > self.major:
            yield f"is PostgreSQL {source['server']}, the drill's server {self.major}: it has to be as new"
        if missing := [extension for extension in source["extensions"] if extension in self.refused]:
            yield (
                f"uses {', '.join(missing)}, which the drill's server lacks or its role {self.role} may not make;"
                f" install it there, or let {self.role} be a superuser of that server"
            )
        if missing := [collation for collation in source["collations"] if collation not in self.collations]:
            yield (
                f"sorts by {', '.join(missing)}, which the drill's server lacks; install those locales there, then"
                " SELECT pg_import_system_collations('pg_catalog') in its template0"
            )
        if source["for_superusers"] and not self.superuser:
            yield (
                f"has {', '.join(source['for_superusers'])}, which only a superuser can make: let {self.role} be one on"
                " the drill's server"
            )


def _takes(dsn: str, extension: str) -> bool:
    """Try to make an extension, with those that it needs."""
    import psycopg
    from psycopg import sql

    with database.connect(dsn, "scratch") as connection:
        try:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} CASCADE").format(sql.Identifier(extension)))
        except psycopg.Error as err:
            if connection.closed:
                raise
            connection.rollback()
            say(f"{extension} cannot be made on the drill's server ({type(err).__name__})")
            return False
    return True
