"""Dataclasses to JSON and back, strictly: no field more, none less, each of its own type."""

import contextlib
import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar, Union, cast

from slipway.errors import UsageError

T = TypeVar("T")
JSON_TYPES: Mapping[object, tuple[type, ...]] = {
    str: (str,),
    bool: (bool,),
    int: (int,),
    float: (int, float),
    types.NoneType: (types.NoneType,),
}


class MessageError(UsageError):
    """A document is not the message that it should be."""


class UnknownField(MessageError):
    """A field that this engine does not have."""


class MissingField(MessageError):
    """A field that this engine needs."""


def encode(value: object) -> object:
    """Return a message as what JSON can hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: encode(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(encode(item) for item in value)  # type: ignore[type-var]
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return value


def decode(kind: type[T], document: object, *, complete: bool = False) -> T:
    """Read a message; `complete`: fields that have a default must be there too.

    Raises UnknownField, MissingField, or MessageError for a value of another type.
    """
    return cast(T, _Decoder(complete).value(kind, document, ""))


class _Decoder:
    """Reads values by their types; `where` leads to a value, for a person: `BackupRow.size`."""

    def __init__(self, complete: bool) -> None:
        self._complete = complete

    def value(self, kind: object, document: object, where: str) -> object:
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if kind is object:  # whatever JSON can hold
            return document
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            return self._message(kind, document, where)
        if origin in (Union, types.UnionType):
            return self.value(_alternative(arguments, document), document, where)
        if origin is Literal and document in arguments:
            return document
        if origin in (tuple, frozenset, Sequence) and isinstance(document, list):
            return self._items(cast(type, origin), arguments, document, where)
        if origin is Mapping and isinstance(document, dict):
            _, item = arguments
            return {key: self.value(item, each, f"{where}.{key}") for key, each in document.items()}
        allowed = JSON_TYPES.get(kind, ())
        if isinstance(document, allowed) and (kind is bool or not isinstance(document, bool)):
            return _finite(cast(float, document), where) if kind is float else document
        raise MessageError(f"{where} is of the wrong type ({type(document).__name__})")

    def _message(self, kind: type, document: object, where: str) -> object:
        where = where or kind.__name__
        if not isinstance(document, dict):
            raise MessageError(f"{where} is of the wrong type ({type(document).__name__})")
        fields = {each.name: each for each in dataclasses.fields(kind)}
        if unknown := sorted(document.keys() - fields.keys()):
            raise UnknownField(f"{where}.{unknown[0][:60]}")
        for name, field in fields.items():
            if name not in document and (self._complete or _is_required(field)):
                raise MissingField(f"{where}.{name}")
        types_of = _types(kind)
        return kind(
            **{
                name: self.value(types_of[name], value, f"{where}.{name}")
                for name, value in document.items()
            }
        )

    def _items(
        self, origin: type, arguments: tuple[object, ...], document: list[object], where: str
    ) -> object:
        kinds = list(arguments)
        if origin is not tuple or Ellipsis in arguments:
            kinds = [arguments[0]] * len(document)
        if len(kinds) != len(document):
            raise MessageError(f"{where} has {len(document)} values instead of {len(kinds)}")
        pairs = enumerate(zip(kinds, document, strict=True))
        items = (self.value(kind, item, f"{where}[{n}]") for n, (kind, item) in pairs)
        return frozenset(items) if origin is frozenset else tuple(items)


def _alternative(kinds: Sequence[object], document: object) -> object:
    """Choose the type of a union: nothing, or the message whose fields differ least."""
    if document is None and types.NoneType in kinds:
        return types.NoneType
    others = [kind for kind in kinds if kind is not types.NoneType]
    names = document.keys() if isinstance(document, dict) else set[str]()

    def differing(kind: object) -> int:
        is_message = isinstance(kind, type) and dataclasses.is_dataclass(kind)
        return len(_types(kind).keys() ^ names) if is_message else 0

    return min(others, key=differing)


def _finite(number: float, where: str) -> float:
    with contextlib.suppress(OverflowError):
        if math.isfinite(value := float(number)):
            return value
    raise MessageError(f"{where} is no number that can be counted with")


def _is_required(field: "dataclasses.Field[object]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


@functools.cache
def _types(kind: type) -> dict[str, object]:
    hints = typing.get_type_hints(kind)
    return {each.name: hints[each.name] for each in dataclasses.fields(kind)}
