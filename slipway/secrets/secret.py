"""A secret value: it can be used, and it cannot be shown by accident."""

from typing import Never


class Secret:
    """Holds a value; its text forms are `***`, and it does not join, pickle or serialise."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value; call this only where it is handed to a pipe or a file."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> Never:
        raise TypeError("a Secret is not pickled")
