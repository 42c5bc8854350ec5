"""Files of the project, spoilt in every way: each ends in a sentence that names it, exit 2."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from slipway.backups.schedule import policy as backup_policy
from slipway.environments import environment
from slipway.errors import SlipwayError, readable
from slipway.machines import inventory
from slipway.project import COMPOSE, ROOT, SECRETS
from slipway.secrets import delivery, policy

MACHINES = """\
m1: {host: 203.0.113.7, user: deploy, address: 10.0.0.7, provider: ssh, role: data}
m2: {host: 203.0.113.8, port: 2222, user: deploy, address: 10.0.0.8, provider: ssh, role: app}
"""
LONGEST = 600  # characters of a sentence that somebody reads
ENVIRONMENTS = ("dev", "testing", "staging", "prod")


class Files:
    """A copy of what a team owns, in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in (COMPOSE, SECRETS, ROOT / "backups"):
            copied = root / folder.name
            copied.mkdir()
            for path in folder.iterdir():
                if path.is_file():
                    shutil.copy(path, copied)
        shutil.copy(ROOT / ".sops.yaml", root)
        (root / "compose" / "prod.machines.yml").write_text(MACHINES)

    def load(self, name: str = "dev") -> environment.Environment:
        return environment.load(name, self.root / "compose", self.root / "secrets")


# What reads a file, and the file.
READERS: dict[str, Callable[[Files], object]] = {
    "compose/settings.yml": lambda files: files.load("prod"),
    "compose/common.env": lambda files: files.load(),
    "compose/prod.env": lambda files: files.load("prod"),
    "compose/prod.machines.yml": lambda files: inventory.load("prod", files.root),
    "backups/policy.yml": lambda files: backup_policy.read(
        files.root / "backups/policy.yml", "prod", ENVIRONMENTS
    ),
    ".sops.yaml": lambda files: policy.has_rule(files.load()),
    "secrets/dev.sops.yaml": lambda files: delivery.versions(files.load()),
}
# A value that is missing in one file may belong in another.
NAMES = {*(Path(name).name for name in READERS), "dev.env"}
JUNK = st.sampled_from(
    [
        *("[", "]", "{", "}", ": ", "- ", "\n", "\t", "'", '"', "&a ", "*a", "<<: ", "!!", "!x "),
        *("!!int ", "!!bool ", "!!set "),
        *(
            "null",
            "true",
            "off",
            "~",
            "0",
            "-1",
            "1e999",
            "2026-13-45",
            ".nan",
            "9" * 5000,
            "|",
            ">",
        ),
        *("$", "${", "\\", "#", "\x00", "\ufeff", "\u2028", "\r", "=", "ENC[", "sops:", "x" * 600),
        *("? [a]\n: b\n", "a: &a [*a]\n", "%YAML 9\n", "---\n", "...\n", "[" * 1500),
    ]
).map(str.encode) | st.binary(max_size=8)
QUICK_DUMPER = yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), JUNK), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("team"))


def spoilt(text: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Put junk in place of a few bytes, here and there."""
    for at, length, junk in edits:
        start = int(at * len(text))
        text = text[:start] + junk + text[start + length :]
    return text


def judge(files: Files, name: str, data: bytes) -> None:
    """Read a file that holds this; a complaint has to be one that helps."""
    path = files.root / name
    before = path.read_bytes()
    path.write_bytes(data)
    try:
        READERS[name](files)
    except SlipwayError as error:
        for text in readable(str(error)).split("\n"):
            helps = error.exit_code == 2 and any(each in text for each in NAMES)
            assert helps and text.isprintable() and len(text) < LONGEST, (
                f"{error.exit_code}: {text[:LONGEST]!a}"
            )
    finally:
        path.write_bytes(before)


relaxed = settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)


@pytest.mark.parametrize("name", READERS)
@given(edits=EDITS)
@relaxed
def test_a_spoilt_file_is_named(files: Files, name: str, edits: Any) -> None:
    judge(files, name, spoilt((files.root / name).read_bytes(), edits))


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.dates()
)


def documents(words: list[str]) -> st.SearchStrategy[Any]:
    """YAML of any shape, with the words that the reader knows in any place."""
    keys = st.sampled_from(words) | st.integers() | st.none() | st.text(max_size=3)
    leaves = scalars | st.sampled_from(words)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=12,
    )


@pytest.mark.parametrize("name", [name for name in READERS if not name.endswith(".env")])
@given(data=st.data())
@relaxed
def test_a_file_of_another_shape_is_named(files: Files, name: str, data: Any) -> None:
    original, any_document = shape((files.root / name).read_text())
    document = data.draw(any_document | altered(original))
    judge(files, name, yaml.dump(document, Dumper=QUICK_DUMPER, allow_unicode=True).encode())


@pytest.mark.parametrize("value", ["!!int x", "!!int ''", "!!bool x", "!!timestamp x", "!!set [a]"])
@pytest.mark.parametrize("name", ["compose/settings.yml", "backups/policy.yml"])
def test_a_value_that_is_not_what_its_tag_says_is_named(
    files: Files, name: str, value: str
) -> None:
    judge(files, name, f"DOMAIN: {value}".encode())


@functools.cache
def shape(text: str) -> tuple[Any, st.SearchStrategy[Any]]:
    """What a file holds, and any document with its words."""
    original = yaml.safe_load(text)
    return original, documents(sorted(set(words_in(original))))


def words_in(document: Any) -> list[str]:
    if isinstance(document, dict):
        return [str(key)[:40] for key in document] + [
            word for value in document.values() for word in words_in(value)
        ]
    if isinstance(document, list):
        return [word for value in document for word in words_in(value)]
    return [str(document)[:40]]


@st.composite
def altered(draw: Any, document: Any) -> Any:
    """The document with another value in one place of it."""
    if not isinstance(document, dict | list) or not document or draw(st.integers(0, 4)) == 0:
        return draw(documents(["x", *ENVIRONMENTS]))
    copy: Any = dict(document) if isinstance(document, dict) else dict(enumerate(document))
    key = draw(st.sampled_from(list(copy)))
    copy[key] = draw(altered(copy[key]))
    return copy if isinstance(document, dict) else list(copy.values())


@pytest.mark.parametrize("name", READERS)
def test_a_folder_in_the_place_of_a_file_is_named(files: Files, name: str) -> None:
    path = files.root / name
    kept = path.read_bytes()
    path.unlink()
    path.mkdir()
    try:
        with pytest.raises(SlipwayError, match=path.name) as caught:
            READERS[name](files)
        assert caught.value.exit_code in (2, 3)  # the second where secrets are missing
    finally:
        path.rmdir()
        path.write_bytes(kept)
