"""A folder as a store that keeps some keys locked, or that may not be listed, as S3 can be."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from slipway.storage.folder import FolderStore
from slipway.storage.store import NotListable, Retained, StoredObject


@dataclass
class LockedStore(FolderStore):
    """Remembers in which order it was asked to delete."""

    folder: Path
    locked: set[str] = field(default_factory=set)
    is_listable: bool = True
    deleted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.folder, self.folder.name)

    def entries(self, prefix: str = "") -> Iterator[StoredObject]:
        if not self.is_listable:
            raise NotListable(f"{self.name} may not be listed with these keys")
        return super().entries(prefix)

    def delete(self, key: str) -> None:
        if key in self.locked:
            raise Retained(f"{self.name} keeps {key} locked")
        self.deleted.append(key)
        super().delete(key)
