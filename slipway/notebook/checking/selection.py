"""Which files a check reads: those of the project, one of them, or a folder of others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slipway.errors import UsageError
from slipway.notebook.checking import check
from slipway.notebook.reading import collection
from slipway.project import ROOT


@dataclass(frozen=True)
class Selection:
    """Runbooks of the house style, those without it in the folder `top`, and other documents."""

    runbooks: Sequence[Path]
    others: Sequence[Path]
    documents: Sequence[Path]
    top: Path

    def __len__(self) -> int:
        return len(self.runbooks) + len(self.others) + len(self.documents)


def select(name: str = "", folder: str = "") -> Selection:
    """Return the files that are named: a runbook, a folder, or else all of the project."""
    if name and folder:
        raise UsageError("--name checks a runbook, --folder all of a folder: take one of them")
    if name:
        path = collection.find(name)
        if collection.has_house_style(path):
            return Selection([path], [], [], ROOT)
        is_ours = path.resolve().is_relative_to(ROOT)
        return Selection([], [path], [], ROOT if is_ours else path.parent)
    chosen = collection.read(_folder(folder) if folder else collection.RUNBOOKS)
    paths = chosen.runbooks()
    housed = [path for path in paths if chosen.has_house_style(path)]
    others = [path for path in paths if not chosen.has_house_style(path)]
    if not folder:
        return Selection(housed, others, check.documents(), ROOT)
    if not paths and not chosen.indexes():
        raise UsageError(f"there is no Markdown file below {folder}")
    return Selection(housed, [*others, *chosen.indexes()], [], chosen.folder)


def _folder(typed: str) -> Path:
    path = Path(typed)
    return path if path.is_dir() else ROOT / path
