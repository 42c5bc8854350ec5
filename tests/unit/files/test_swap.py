"""Two sets of files that change places: wherever it is killed, the next one ends it."""

import shutil
from pathlib import Path

import pytest

from slipway import whole_file
from slipway.errors import Refused
from slipway.files import swap

ID, MOMENT = "20261130T101754Z-1f3a", "20261130T111754Z"


class PowerCut(BaseException):
    """The machine is gone."""


def volume_with_a_restore(folder: Path) -> Path:
    volume = folder / "uploads"
    volume.mkdir(mode=0o750)
    for name in ("a", "b", "gone"):
        (volume / name).write_text("old")
    incoming = swap.room(volume) / f"{swap.RESTORED}{ID}"
    incoming.mkdir(mode=0o705)
    for name in ("a", "b", "new"):
        (incoming / name).write_text("new")
    return volume


def seen(folder: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in folder.iterdir() if each.is_file()}


def test_wherever_a_swap_is_cut_off_the_next_command_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts, move = 0, Path.rename
    for left in range(20):
        countdown = [left]

        def rename(self: Path, target: Path, countdown: list[int] = countdown) -> Path:
            if self.name != swap.JOURNAL:
                countdown[0] -= 1
                if countdown[0] < 0:
                    raise PowerCut
            return move(self, target)

        volume = volume_with_a_restore(tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", rename)
            try:
                swap.exchange(volume, f"{swap.RESTORED}{ID}", MOMENT)
            except PowerCut:
                cuts += 1
                assert swap.is_interrupted(volume)
        assert swap.settle(volume, f"{swap.RESTORED}{ID}", MOMENT)
        assert seen(volume) == {"a": "new", "b": "new", "new": "new"}
        kept = volume / swap.FOLDER / f"{swap.REPLACED}{MOMENT}"
        assert seen(kept) == {"a": "old", "b": "old", "gone": "old"}
        assert (volume.stat().st_mode & 0o777, kept.stat().st_mode & 0o777) == (0o705, 0o750)
        assert list((volume / swap.FOLDER).iterdir()) == [kept]
        assert swap.newest_replaced(volume) == MOMENT
        shutil.rmtree(volume)
    assert cuts == 6  # three files out, three in


def test_a_swap_that_never_began_leaves_nothing_that_looks_like_what_was_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = volume_with_a_restore(tmp_path)

    def full(*words: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(whole_file, "write", full)
        with pytest.raises(OSError, match="No space"):
            swap.settle(volume, f"{swap.RESTORED}{ID}", MOMENT)
    assert swap.newest_replaced(volume) == "" and seen(volume) == dict.fromkeys("ab", "old") | {
        "gone": "old"
    }
    assert not swap.settle(volume, f"{swap.RESTORED}20261130T101754Z-0000", MOMENT)


def test_a_journal_leads_nowhere_else(tmp_path: Path) -> None:
    volume = volume_with_a_restore(tmp_path)
    journal = volume / swap.FOLDER / swap.JOURNAL
    for text in ('{"incoming": "../../x", "outgoing": "replaced-x", "is_out": true}', "[]", "{"):
        journal.write_text(text)
        with pytest.raises(Refused, match="not one that a restore wrote"):
            swap.finish(volume)


def test_only_a_folder_of_our_own_is_believed(tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "uploads" / swap.FOLDER).symlink_to(tmp_path / "elsewhere")
    for look in (swap.room, swap.is_interrupted, swap.newest_replaced):
        with pytest.raises(Refused, match="no restore made"):
            look(tmp_path / "uploads")
