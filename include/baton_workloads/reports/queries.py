"""Run the SQL files of ``include/reports/queries``: named parameters in, rows as dictionaries out."""

from typing import TYPE_CHECKING, Any

from baton_workloads.errors import ConfigurationError
from baton_workloads.etl.database import named_errors
from baton_workloads.reports.data_folder import QUERIES

if TYPE_CHECKING:
    import psycopg

Row = dict[str, Any]


class Queries:
    """The queries of one report on one connection, all of one snapshot of the database.

    :param connection: of the warehouse or the shop; put into one read-only, repeatable-read transaction, because a
        load that ends between two queries would make their numbers disagree.
    :param parameters: what each query may name: ``begin``, ``end``, ``zone``, ``currency``.
    """

    def __init__(self, connection: "psycopg.Connection[Any]", parameters: dict[str, object]) -> None:
        import psycopg

        self._connection, self._parameters = connection, parameters
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    def rows(self, name: str, **more: object) -> list[Row]:
        """Run ``{name}.sql``.

        :param more: parameters for this query only, or in place of the common ones.
        :raises DataError: the query fails, for example as a table is missing; the message has no value of the data.
        """
        from psycopg.rows import dict_row

        with named_errors(f"query {name}.sql on the"), self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(_text(name), {**self._parameters, **more}).fetchall()

    def row(self, name: str, **more: object) -> Row:
        """Run a query that gives exactly one row.

        :raises ConfigurationError: it gives none or more.
        """
        rows = self.rows(name, **more)
        if len(rows) != 1:
            raise ConfigurationError(f"query {name}.sql gave {len(rows)} rows instead of one; aggregate in it")
        return rows[0]


def _text(name: str) -> bytes:
    try:
        return (QUERIES / f"{name}.sql").read_bytes()
    except OSError as err:
        raise ConfigurationError(f"query {name}.sql cannot be read: {err.strerror}; it belongs in {QUERIES}") from err
