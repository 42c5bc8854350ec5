"""Images are named by what they are built from, and by nothing else."""

from pathlib import Path

import pytest

from slipway.errors import ConfigError
from slipway.images import sources
from slipway.images.sources import Build


class Folder:
    """A build folder whose tag can be asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.put("Dockerfile", "FROM scratch\nCOPY . /\n")
        self.put("app/main.py", "print(1)")

    def put(self, name: str, text: str = "") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def tag(self, args: dict[str, str] | None = None, base: str = "sha256:base") -> str:
        dockerfile = self.root / "Dockerfile"
        return sources.tag(Build("api", "demo/api:latest", self.root, dockerfile, args or {}), base)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("demo/api", "demo/api"),
        ("demo/api:latest", "demo/api"),
        ("localhost:5000/api", "localhost:5000/api"),
        ("registry.example.com:5000/shop/api:2@sha256:0123", "registry.example.com:5000/shop/api"),
    ],
)
def test_an_image_is_tagged_in_its_own_repository(
    folder: Folder, image: str, repository: str
) -> None:
    build = Build("api", image, folder.root, folder.root / "Dockerfile", {})
    assert sources.tag(build).rpartition(":")[0] == repository


def test_the_same_sources_have_the_same_tag_wherever_they_lie(
    folder: Folder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert folder.tag() == Folder(tmp_path_factory.mktemp("other")).tag()
    assert folder.tag().startswith("demo/api:src-")


def test_whatever_a_build_can_see_changes_the_tag(folder: Folder) -> None:
    tags = [folder.tag(), folder.tag({"N": "1"}), folder.tag(base="sha256:newer")]
    path = folder.put("app/main.py", "print(2)")
    tags.append(folder.tag())
    path.chmod(0o755)
    tags.append(folder.tag())
    path.rename(path.with_name("other.py"))
    tags.append(folder.tag())
    (folder.root / "link").symlink_to("app")
    tags.append(folder.tag())
    (folder.root / "link").unlink()
    (folder.root / "link").symlink_to("elsewhere")
    tags.append(folder.tag())
    folder.put("Dockerfile", "FROM scratch\n")
    tags.append(folder.tag())
    assert len(set(tags)) == len(tags)


def test_what_dockerignore_hides_does_not_change_the_tag(folder: Folder) -> None:
    folder.put(".dockerignore", "# comment\n*\n!app/**/*.py\nsecret*\n")
    before = folder.tag()
    folder.put("README.md", "words")
    folder.put("app/data.csv", "1")
    folder.put("app/__pycache__/main.pyc", "x")
    assert folder.tag() == before
    folder.put("app/deep/er.py", "print(3)")
    assert folder.tag() != before


@pytest.mark.parametrize(
    ("patterns", "name", "counts"),
    [
        ("*\n!**.py", "app/deep/main.py", True),  # as moby/patternmatcher's own cases have it
        ("**file", "dir/dir/file", False),
        ("**/.foo", "bar.foo", True),
        ("a**/*.txt", "a/dir/file.txt", False),
        ("[\\]a]", "]", False),
        ("\ufeffsecret", "secret", False),
    ],
)
def test_patterns_are_read_as_the_build_reads_them(
    folder: Folder, patterns: str, name: str, counts: bool
) -> None:
    folder.put(".dockerignore", patterns)
    before = folder.tag()
    folder.put(name, "new")
    assert (folder.tag() != before) is counts


def test_a_dockerfiles_own_ignore_file_wins(folder: Folder) -> None:
    folder.put(".dockerignore", "app")
    folder.put("Dockerfile.dockerignore", "notes")
    before = folder.tag()
    folder.put("notes", "x")
    assert folder.tag() == before
    folder.put("app/main.py", "print(2)")
    assert folder.tag() != before


def test_a_build_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "api"
    with pytest.raises(ConfigError, match="the build folder api/ does not exist"):
        sources.tag(Build("api", "demo/api", gone, gone / "Dockerfile", {}))
