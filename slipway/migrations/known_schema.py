"""What files say of a schema: what is new, so that nobody waits for it, and what was proven before.

New is what a file itself makes, for sure: `IF NOT EXISTS` and `OR REPLACE` may meet what is in use.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from slipway.migrations.column_types import ColumnType, Domain
from slipway.migrations.names import DEFAULT_PATH, TEMPORARY, Name, SearchPath, plain


@dataclass(frozen=True)
class ForeignKey:
    """What a foreign key binds together; without `others` it is the other table's primary key."""

    columns: tuple[str, ...]
    table: str
    others: tuple[str, ...] = ()
    name: str = ""


@dataclass
class TableFacts:
    """What files have settled of one table."""

    columns: dict[str, ColumnType] = field(default_factory=dict)
    not_null: dict[str, str] = field(default_factory=dict)  # constraint: the column it is about
    validated: set[str] = field(default_factory=set)
    constraints: dict[str, str] = field(default_factory=dict)  # the table that a key refers to
    virtual: set[str] = field(default_factory=set)  # columns that are worked out when read
    unproven: set[str] = field(default_factory=set)  # constraints that are NOT VALID
    tied: list[tuple[str, set[str]]] = field(default_factory=list)
    keys: list[ForeignKey] = field(default_factory=list)
    primary: tuple[str, ...] = ()
    is_partitioned: bool = False
    has_default_partition: bool = False

    def forget_column(self, column: str) -> None:
        """Forget a column that was dropped or renamed."""
        self.columns.pop(column, None)
        self.virtual.discard(column)
        self.keys = [each for each in self.keys if column not in each.columns]
        self.not_null = {key: about for key, about in self.not_null.items() if about != column}

    def tie(self, name: str, words: Iterable[str]) -> None:
        """Remember which columns a check or an index is made of, so that they are bound to it."""
        columns = {plain(word) for word in words if word[0].isalpha() or word[0] in '_"'}
        self.tied.append((name, columns))

    def is_tied(self, column: str) -> bool:
        """Whether a change of a column's type reads all rows, for a check or an index."""
        return any(column in columns for name, columns in self.tied if name not in self.unproven)

    def untie(self, name: str) -> None:
        """Forget a check or an index that was dropped."""
        self.tied = [each for each in self.tied if each[0] != name]

    def forget_constraint(self, name: str) -> None:
        """Forget a constraint that was dropped."""
        self.validated.discard(name)
        self.untie(name)
        self.keys = [each for each in self.keys if each.name != name]

    def is_never_null(self, column: str) -> bool:
        """Whether a validated constraint proves that a column has no NULL."""
        return any(self.not_null.get(constraint) == column for constraint in self.validated)


@dataclass
class Facts:
    """What all files before have settled, old ones too; keys are names with their schema."""

    tables: defaultdict[str, TableFacts] = field(default_factory=lambda: defaultdict(TableFacts))
    domains: dict[str, Domain] = field(default_factory=dict)
    types: set[str] = field(default_factory=set)  # which are no domains

    def bound_tables(self, table: str, column: str) -> set[str]:
        """Name the other tables to which a foreign key binds a column, from here or from there."""
        primary = self.tables[table].primary
        ours = {each.table for each in self.tables[table].keys if column in each.columns}
        theirs = {
            other
            for other, facts in self.tables.items()
            for each in facts.keys
            if each.table == table and column in (each.others or primary)
        }
        return (ours | theirs) - {table}


@dataclass
class KnownSchema:
    """What the statements before this one have made, and what they keep locked."""

    major: int
    in_transaction: bool = True
    tables: set[str] = field(default_factory=set)  # views and sequences too
    types: set[str] = field(default_factory=set)
    schemas: set[str] = field(default_factory=set)
    facts: Facts = field(default_factory=Facts)
    path: SearchPath = field(default_factory=SearchPath)
    first_path: tuple[str, ...] = DEFAULT_PATH  # what sessions begin with
    savepoints: dict[str, tuple[str, ...]] = field(default_factory=dict)  # the path that each has
    not_valid: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)
    altered: set[str] = field(default_factory=set)
    held: str = ""  # a lock that writers or readers wait for until the file is done

    def begin_file(self, in_transaction: bool) -> None:
        """Forget what holds for one session or one transaction only."""
        self.in_transaction = in_transaction
        self.path = SearchPath(self.first_path, self.first_path)
        self.savepoints = {}
        self.not_valid, self.values, self.altered, self.held = set(), set(), set(), ""
        self.forget_temporary()

    @property
    def temporary(self) -> set[str]:
        """The new tables, views and sequences that end with the session."""
        return {each for each in self.tables if each.startswith(f"{TEMPORARY}.")}

    def forget_temporary(self) -> None:
        """Hold no temporary table for there: its name may mean one in use from now on."""
        self.tables -= self.temporary

    def forget_new(self) -> None:
        """Hold nothing for new: it may have been taken back, or been used meanwhile."""
        self.tables, self.types, self.schemas = set(), set(), set()

    def resolve(self, name: Name, among: Iterable[str] | None = None) -> str:
        """Say which table, or what else is `among` the new, a name means in this session."""
        new = self.tables if among is None else among
        if name.schema:
            return str(name)
        schemas = self.path.schemas
        for schema in schemas if TEMPORARY in schemas else (TEMPORARY, *schemas):
            full = str(Name(schema, name.plain))
            # Of a schema that is not new nobody knows what else is in it.
            if full in new or schema not in {TEMPORARY, *self.schemas}:
                return full
        return str(Name(schemas[0] if schemas else "", name.plain))

    def make(
        self, name: Name, *, is_temporary: bool = False, is_sure: bool = True, ends: bool = False
    ) -> str:
        """Remember a new table, view or sequence; return its name with its schema.

        One that `ends` with its transaction is gone for the next statement where that has its own.
        """
        first = next((each for each in self.path.schemas if each != TEMPORARY), "")
        schema = TEMPORARY if is_temporary else name.schema or first
        full = str(Name(schema, name.plain))
        is_there = self.in_transaction or not ends
        if (is_sure or is_temporary) and is_there:
            self.tables.add(full)
        return full

    def is_new(self, name: Name) -> bool:
        """Whether a table is one that nobody can be using yet."""
        return self.resolve(name) in self.tables

    def are_new(self, names: Iterable[Name]) -> bool:
        return all(self.is_new(each) for each in names)

    def resolve_type(self, name: Name) -> str:
        """Say which type a name means."""
        return self.resolve(name, self.types)

    def rename(self, old: str, new: Name, among: set[str] | None = None) -> None:
        """Give a new table, or what else is `among` the new, its other name."""
        names = self.tables if among is None else among
        names.discard(old)
        names.add(str(Name(new.schema or old.rpartition(".")[0], new.plain)))

    def rename_schema(self, old: str, new: str = "") -> None:
        """Give a new schema its other name; without one it is dropped, with all that is in it."""
        self.schemas.discard(old)
        if new:
            self.schemas.add(new)
        for names in (self.tables, self.types):
            for full in [each for each in names if each.startswith(f"{old}.")]:
                names.discard(full)
                if new:
                    names.add(f"{new}.{full.removeprefix(f'{old}.')}")
