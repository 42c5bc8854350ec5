"""Which files are runbooks, what they are called, and which are held to the house style."""

from pathlib import Path

import pytest

from slipway.errors import ConfigError, UsageError
from slipway.notebook.reading import collection

FILES = [
    "README.md",
    "deploy.md",
    "alerts/_index.md",
    "alerts/disk.md",
    "alerts/db/locks.md",
    "drafts/disk.md",
    "alerts/.hidden/secret.md",
    "notes.txt",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        path = tmp_path / "books" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# T\n")
    return tmp_path / "books"


def names(folder: Path) -> list[str]:
    return [collection.name_of(each, folder) for each in collection.read(folder).runbooks()]


def settings(folder: Path, text: str) -> None:
    (folder / ".runbooks.yml").write_text(text)


def test_a_collection_has_folders_and_their_indexes_are_no_runbooks(folder: Path) -> None:
    assert names(folder) == ["alerts/db/locks", "alerts/disk", "deploy", "drafts/disk"]
    indexes = [path.name for path in collection.read(folder).indexes()]
    assert indexes == ["README.md", "_index.md"]


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        ("[drafts/]", ["alerts/db/locks", "alerts/disk", "deploy"]),
        ("drafts", ["alerts/db/locks", "alerts/disk", "deploy"]),
        ("[disk.md]", ["alerts/db/locks", "deploy"]),
        ("[/disk.md, db]", ["alerts/disk", "deploy", "drafts/disk"]),
        ("['*', '!deploy.md']", ["deploy"]),
        ("['alerts/**/lo?ks.md']", ["alerts/disk", "deploy", "drafts/disk"]),
        ("", ["alerts/db/locks", "alerts/disk", "deploy", "drafts/disk"]),
    ],
)
def test_what_is_ignored_is_written_as_git_has_it(
    ignore: str, left: list[str], folder: Path
) -> None:
    settings(folder, f"ignore: {ignore}\n" if ignore else "# nothing\n")
    assert names(folder) == left


def test_a_linked_folder_is_read_and_one_that_leads_back_ends(folder: Path) -> None:
    (folder.parent / "theirs").mkdir()
    (folder.parent / "theirs" / "queue.md").write_text("# Q\n")
    (folder / "theirs").symlink_to(folder.parent / "theirs")
    (folder / "again").symlink_to(folder)
    assert "theirs/queue" in names(folder)
    assert not [name for name in names(folder) if name.startswith("again/")]


def test_the_house_style_is_asked_for_by_a_setting(folder: Path) -> None:
    def styled() -> list[str]:
        chosen = collection.read(folder)
        paths = [each for each in chosen.runbooks() if chosen.has_house_style(each)]
        return [collection.name_of(each, folder) for each in paths]

    assert styled() == []
    settings(folder, "house_style: [/*.md]\n")
    assert styled() == ["deploy"]
    settings(folder, "house_style: ['*', '!alerts/db/']\n")
    assert styled() == ["alerts/disk", "deploy", "drafts/disk"]


def test_our_own_runbooks_are_held_to_it(folder: Path) -> None:
    assert collection.has_house_style(collection.RUNBOOKS / "deploy.md")
    assert not collection.has_house_style(collection.RUNBOOKS / "alerts" / "disk.md")
    assert not collection.has_house_style(folder / "deploy.md")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ignor: [a]\n", '.runbooks.yml has no "ignor" (did you mean "ignore"?)'),
        ("ignore: {a: b}\n", ".runbooks.yml: ignore must be a list of patterns"),
        ("ignore: [1]\n", ".runbooks.yml: ignore must be a list of patterns"),
        ("- ignore\n", ".runbooks.yml must be lines of key: [patterns]"),
        ("ignore: [a\n", ".runbooks.yml is not YAML: line 2"),
        ("ignore: [a]\nignore: [b]\n", ".runbooks.yml is not YAML: line 2: ignore is there twice"),
        ("1: [a]\n", '.runbooks.yml has no "1"'),
        ("ignore: ['[z-a]']\n", ".runbooks.yml: ignore: Invalid ignore pattern '**/[z-a]'"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(text: str, sentence: str, folder: Path) -> None:
    settings(folder, text)
    with pytest.raises(ConfigError) as error:
        collection.read(folder)
    assert sentence in str(error.value)


def test_settings_under_another_name_are_not_passed_over(folder: Path) -> None:
    (folder / ".runbooks.yaml").write_text("ignore: [drafts]\n")
    with pytest.raises(ConfigError, match=r"\.runbooks\.yaml is not read: call it \.runbooks\.yml"):
        collection.read(folder)


def test_a_runbook_in_a_folder_is_found_by_its_last_name_where_that_is_one(folder: Path) -> None:
    assert collection.find("alerts/disk", folder) == folder / "alerts" / "disk.md"
    assert collection.find("locks", folder) == folder / "alerts" / "db" / "locks.md"
    with pytest.raises(UsageError) as error:
        collection.find("disk", folder)
    assert str(error.value) == (
        '"disk" is ambiguous: write --name=alerts/disk or --name=drafts/disk'
    )
