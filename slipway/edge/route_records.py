"""Routes as a release's record holds them: JSON without what is as it always is."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from slipway.edge.routes import Guard, Route, Table

Record = dict[str, Any]
Made = TypeVar("Made", Route, Guard)


def write(table: Table) -> Record:
    """Return a table as JSON holds it."""
    whole = {
        "routes": [_differing(route, Route("")) for route in table.routes],
        "guards": [_differing(guard, Guard()) for guard in table.guards],
        "pages": dict(table.pages),
        "fragment": list(table.fragment),
        "https_only": table.https_only,
    }
    return {key: value for key, value in whole.items() if value}


def read(record: Mapping[str, Any]) -> Table:
    """Read a record. Raises TypeError for a word that is not known, and for another shape."""
    _demand_known(record, ("routes", "guards", "pages", "fragment", "https_only"))
    return Table(
        tuple(_made(Route, Route(""), each) for each in record.get("routes", [])),
        tuple(_made(Guard, Guard(), each) for each in record.get("guards", [])),
        {str(key): str(value) for key, value in record.get("pages", {}).items()},
        tuple(dict(each) for each in record.get("fragment", [])),
        bool(record.get("https_only", False)),
    )


def _differing(value: Route | Guard, plain: Route | Guard) -> Record:
    usual = asdict(plain)
    return {
        key: list(held) if isinstance(held, tuple) else held
        for key, held in asdict(value).items()
        if held != usual[key]
    }


def _made(kind: Callable[..., Made], plain: Made, record: Mapping[str, Any]) -> Made:
    values = {}
    for each in fields(plain):
        if each.name not in record:
            continue
        value, usual = record[each.name], getattr(plain, each.name)
        shape = list if isinstance(usual, tuple) else dict if usual == {} else type(usual)
        if not isinstance(value, int if usual is None else shape):
            raise TypeError(f"{each.name} is {type(value).__name__}")
        values[each.name] = tuple(value) if isinstance(value, list) else value
    _demand_known(record, tuple(values))
    return kind(**values)


def _demand_known(record: Mapping[str, Any], known: tuple[str, ...]) -> None:
    if unknown := sorted(record.keys() - set(known)):
        raise TypeError(f"{unknown[0]} is not known")
