"""What has to be made again around a new table, as SQL in its order."""

from dataclasses import dataclass, field

from baton_workloads.etl.engine import identifier


@dataclass(frozen=True)
class NewTable:
    """The table that takes the old one's place.

    :param target: ``schema.table`` as in a policy.
    :param types: its columns with their types.
    :param keeping: columns whose rule keeps unique values unique.
    :param key: columns of its primary key; none where the source's key does not arrive.
    :param same_policy: the old table was loaded with the same policy, so columns that differ are somebody's own.
    """

    target: str
    types: dict[str, str]
    keeping: frozenset[str]
    key: tuple[str, ...]
    same_policy: bool

    @property
    def schema(self) -> str:
        """Give the schema's name."""
        return self.target.split(".", 1)[0]

    @property
    def table(self) -> str:
        """Give the table's name."""
        return self.target.split(".", 1)[1]

    @property
    def name(self) -> str:
        """Give the quoted name."""
        return f"{identifier(self.schema)}.{identifier(self.table)}"


@dataclass(frozen=True)
class Step:
    """One thing to make again.

    :param what: its kind and name, for messages.
    """

    what: str
    sql: str


@dataclass(frozen=True)
class Index:
    """An index or a primary key.

    :param definition: what follows the table's name, from USING on; of a primary key its whole constraint.
    :param tablespace: empty for the database's.
    :param targets: statistics target by the number of an expression's column.
    """

    name: str
    definition: str
    unique: bool = False
    primary: bool = False
    tablespace: str = ""
    targets: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Statistics:
    """An extended statistics object; the definition lies between its name and the table's.

    :param owner: quoted; empty where it is the loading role.
    """

    schema: str
    name: str
    definition: str
    target: int | None
    owner: str


@dataclass(frozen=True)
class Dependents:
    """Everything around one table.

    :param kind: what comes between CREATE and TABLE.
    :param options: what comes behind the columns of CREATE TABLE.
    :param collations: of columns that have another one than their type's.
    :param dressing: what comes behind ``ALTER TABLE name`` before rows arrive.
    :param before: what makes room just before the old table is dropped.
    :param after: what is made again when the new table has its name.
    :param gone: what a changed policy ends, in words.
    """

    kind: str = ""
    options: str = ""
    collations: dict[str, str] = field(default_factory=dict)
    dressing: tuple[Step, ...] = ()
    indexes: tuple[Index, ...] = ()
    statistics: tuple[Statistics, ...] = ()
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    gone: tuple[str, ...] = ()
    oid: int | None = field(default=None, compare=False)

    @property
    def has_key(self) -> bool:
        """Say whether the old table's primary key is among the indexes."""
        return any(index.primary for index in self.indexes)
