"""Types of columns: read from SQL, and which change of one into another rewrites no row.

Held against real servers: docs/locks.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.migrations.names import named
from slipway.migrations.query import inner

# What PostgreSQL's grammar knows under several names.
_SAME = {
    **dict.fromkeys(("INT", "INTEGER"), "INT4"),
    **dict.fromkeys(("DECIMAL", "DEC"), "NUMERIC"),
    **dict.fromkeys(("CHARACTER VARYING", "CHAR VARYING"), "VARCHAR"),
    **dict.fromkeys(("CHARACTER", "CHAR", "NCHAR", "NATIONAL CHARACTER"), "BPCHAR"),
    "BIGINT": "INT8",
    "SMALLINT": "INT2",
    "BOOLEAN": "BOOL",
    "REAL": "FLOAT4",
    "DOUBLE PRECISION": "FLOAT8",
    "FLOAT": "FLOAT8",
    "BIT VARYING": "VARBIT",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
    "TIME WITH TIME ZONE": "TIMETZ",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP",
    "TIME WITHOUT TIME ZONE": "TIME",
}
SERIAL = {"SERIAL", "BIGSERIAL", "SMALLSERIAL", "SERIAL4", "SERIAL8", "SERIAL2"}
_BUILT_IN = {*_SAME.values(), *SERIAL, "TEXT", "BYTEA", "UUID", "JSON", "JSONB", "XML", "DATE"}
_BUILT_IN |= {"INTERVAL", "MONEY", "INET", "CIDR", "MACADDR", "MACADDR8", "BIT", "NAME", "OID"}
_BUILT_IN |= {"POINT", "LINE", "LSEG", "BOX", "PATH", "POLYGON", "CIRCLE", "TSVECTOR", "TSQUERY"}
_BUILT_IN |= {"INT4RANGE", "INT8RANGE", "NUMRANGE", "TSRANGE", "TSTZRANGE", "DATERANGE"}
_BUILT_IN |= {"INT4MULTIRANGE", "INT8MULTIRANGE", "NUMMULTIRANGE", "TSMULTIRANGE", "PG_LSN"}
_BUILT_IN |= {"TSTZMULTIRANGE", "DATEMULTIRANGE", "XID8", "REGCLASS", "REGTYPE", "JSONPATH"}
# Of extensions that many have.
_BUILT_IN |= {"CITEXT", "HSTORE", "LTREE", "VECTOR", "GEOMETRY", "GEOGRAPHY"}
_ENDS = {"NOT", "NULL", "DEFAULT", "PRIMARY", "UNIQUE", "REFERENCES", "CHECK", "CONSTRAINT"}
_ENDS |= {"GENERATED", "COLLATE", "USING", "DEFERRABLE", "STORAGE", "COMPRESSION", "OPTIONS"}
_CLOCKS = {"TIMESTAMP", "TIMESTAMPTZ", "TIME", "TIMETZ", "INTERVAL"}
_MANY_WORDS = ("CHARACTER", "CHAR", "NATIONAL", "BIT", "DOUBLE", "TIMESTAMP", "TIME", "INTERVAL")

_OPERATORS = {*"+-*/<>=|&#%^~!?@", "COLLATE", "AT", "IS", "AND", "OR", "NOT", "IN", "LIKE", "ILIKE"}


@dataclass(frozen=True)
class ColumnType:
    """A type with its limits, `VARCHAR` and `(50,)`; `is_array` whatever its dimensions are."""

    name: str
    limits: tuple[int, ...] = ()
    is_array: bool = False

    @property
    def is_built_in(self) -> bool:
        """Whether it is known to be no domain."""
        return self.name in _BUILT_IN or self.name.startswith("INTERVAL ")


@dataclass(frozen=True)
class Domain:
    """A domain: its base type, and whether it demands anything of a value."""

    base: ColumnType
    demands: bool


def read_type(words: Sequence[str]) -> ColumnType:
    """Read a type where the words begin with it."""
    names: list[str] = []
    limits: list[int] = []
    is_array = False
    depth = 0
    for word in words:
        if depth == 0 and word in _ENDS:
            break
        depth += {"(": 1, ")": -1}.get(word, 0)
        if word in ("[", "ARRAY"):
            is_array = True
        elif depth and word.isdecimal() and not is_array:
            limits.append(int(word))
        elif not depth and (word[0].isalpha() or word[0] in '_"'):
            names.append(word)
        if word == "." and not depth and names:
            names[-1:] = [] if names[-1] in ("PG_CATALOG", "PUBLIC") else [f"{names[-1]}."]
    name = _join(names)
    return ColumnType(_SAME.get(name, name), tuple(limits), is_array)


def _join(names: list[str]) -> str:
    if len(names) > 1 and names[0] not in _MANY_WORDS:
        return "".join(names[: 2 if names[0].endswith(".") else 1])
    return " ".join(names).replace(". ", ".")


def read_casts(words: Sequence[str], column: str) -> list[Sequence[str]] | None:
    """Read to which types an expression casts a column, one after the other; None for any other."""
    expression, *types = _split_at_casts(words)
    if expression[:1] == ["CAST"] and inner(expression[1:]) == expression[2:-1]:
        at = max((at for at, word in enumerate(expression) if word == "AS"), default=2)
        expression, types = expression[2:at], [expression[at + 1 : -1], *types]
    elif expression[:1] == ["("] and inner(expression) == expression[1:-1]:
        expression = expression[1:-1]
    elif not types:
        name, rest = named(expression)
        return [] if name.plain == column and not rest else None
    before = read_casts(expression, column)
    is_cast = all(each and not _OPERATORS.intersection(each) for each in types)
    return None if before is None or not is_cast else [*before, *types]


def _split_at_casts(words: Sequence[str]) -> list[list[str]]:
    """Cut an expression at each `::` that stands outside of parentheses."""
    parts: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += {"(": 1, ")": -1}.get(word, 0)
        if word == ":" and depth == 0:
            parts += [[]] if parts[-1] else []
        else:
            parts[-1].append(word)
    return parts


def keeps_rows(old: ColumnType, new: ColumnType) -> bool:
    """Whether a column changes from one type to the other without its rows being written again."""
    if old == new:
        return True
    if old.is_array or new.is_array:
        return False
    if (old.name, new.name) == ("CIDR", "INET"):
        return True
    if old.name in ("VARCHAR", "TEXT") and new.name in ("VARCHAR", "TEXT"):
        return not new.limits or (bool(old.limits) and old.limits[0] <= new.limits[0])
    if old.name == new.name == "NUMERIC":
        return not new.limits or _is_wider(old.limits, new.limits)
    if old.name == new.name and old.name in _CLOCKS:
        return (old.limits or (6,)) <= (new.limits or (6,))
    if old.name == new.name == "VARBIT":
        return not new.limits or (bool(old.limits) and old.limits[0] <= new.limits[0])
    return False


def _is_wider(old: Sequence[int], new: Sequence[int]) -> bool:
    """Whether a numeric has as many digits behind its point, and no fewer in all."""
    if not old:
        return False
    (digits, scale), (new_digits, new_scale) = ((*each, 0)[:2] for each in (old, new))
    return scale == new_scale and digits <= new_digits
