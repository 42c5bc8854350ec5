"""Releases: named by content, compared by what they run, kept as a record that loses nothing."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.cluster import observed
from slipway.environments import environment
from slipway.errors import ConfigError, Refused
from slipway.images import sources
from slipway.images.sources import Build
from slipway.machines.connect import Cluster
from slipway.releases import application, commit, compose_labels, deploy, draft, prune
from slipway.releases.application import Service
from slipway.releases.commit import UNVERSIONED, Commit
from slipway.releases.deployment import Deployment
from slipway.releases.draft import Draft
from slipway.releases.release import Release
from tests.fakes.host import FakeHost


def model(**services: dict[str, Any]) -> dict[str, Any]:
    """A project as `docker compose config` prints it, of services with a role and an image."""
    full = {name: {"image": f"demo/{name}"} | spec for name, spec in services.items()}
    return {"name": "demo", "services": full}


def labelled(role: str, **labels: str) -> dict[str, Any]:
    given = {f"slipway.{key}": value for key, value in labels.items()}
    return {"deploy": {"labels": {"slipway.role": role} | given}}


def test_services_are_read_with_role_route_and_build() -> None:
    api = labelled("colour", route="/api/*", port="8000")
    api["build"] = {"context": "/src/api", "dockerfile": "Dockerfile", "args": {"N": 1}}
    app = application.parse(model(db=labelled("data"), api=api))
    assert [service.name for service in app.services] == ["api", "db"]
    assert app.of("data")[0].image == "demo/db"
    assert (app.services[0].route, app.services[0].port) == ("/api/*", 8000)
    made = Build("api", "demo/api", Path("/src/api"), Path("/src/api/Dockerfile"), {"N": "1"})
    assert app.builds == (made,)


@pytest.mark.parametrize(
    ("services", "complaint"),
    [
        ({"api": {}}, r"services\.api.*slipway\.role must be one of colour, .*, not None"),
        ({"api": labelled("color")}, r"services\.api.*must be one of colour, .*, not color"),
        ({"api": labelled("colour", rote="/")}, r"label slipway\.rote \(did you mean .*route\?\)"),
        ({"api": labelled("colour", route="/")}, "a route starts with / and needs slipway.port"),
        ({"api": labelled("colour", route="api", port="1")}, "a route starts with /"),
        ({"api": labelled("colour", route="/a/*, /b", port="1")}, r"'/a/\*, /b' is no path; write"),
        ({"api": labelled("colour", route="/a/*,/b/*", port="1")}, r"'/a/\*,/b/\*' is no path"),
        ({"api": labelled("colour", route="/", port="http")}, "needs slipway.port"),
        (
            {name: labelled("colour", route="/", port="1") for name in ("a", "b")},
            "services a and b share a route: /",
        ),
    ],
)
def test_a_service_that_cannot_be_deployed_is_refused_by_name(
    services: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        application.parse(model(**services))


def test_a_service_without_an_image_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"services\.api: names no image; write image:"):
        application.parse({"services": {"api": labelled("colour")}})


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


def test_old_images_are_removed_in_every_repository_that_a_release_names() -> None:
    env = environment.load("dev")
    labels = {"slipway.tags": f"acme/shop:src-1 {env.project}/api:src-2 postgres:17"}
    release = json.dumps(1), json.dumps(f"{env.prefix}.release.00001"), json.dumps(labels)
    told = "\n".join(['swarm\t"active true"', "now\t1000", "\t".join(["config", *release])])
    host = FakeHost("m1").answers("sh", out="acme/shop:src-1\n")
    prune.run(env, Cluster(host, {"m1": host}), observed.parse(told))
    (removal,) = [argv for argv in host.ran("sh") if "docker image rm" in argv[2]]
    ours = ["acme/shop:src-*", f"{env.project}/*:src-*", f"{env.project}/api:src-*"]
    assert removal[4].split() == [f"--filter=reference={each}" for each in ours]
    assert "acme/shop:src-1" in removal[5:]


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


words = st.text(max_size=20)
names = st.dictionaries(words, words, max_size=4)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
services = st.builds(
    Service,
    words,
    st.sampled_from(compose_labels.ROLES),
    st.dictionaries(words, json_values, max_size=4),
    words,
    st.integers(0, 65535),
)
releases = st.builds(
    Release,
    number=st.integers(0),
    commit=words,
    images=names,
    tags=names,
    identities=names,
    secrets=names,
    services=st.lists(services, max_size=3).map(tuple),
    migration_head=words,
    fingerprint=words,
    created=words,
    by=words,
)


@given(releases)
@settings(max_examples=40)
def test_a_release_comes_back_from_its_record_as_it_was(release: Release) -> None:
    again = Release.from_json(release.to_json())
    assert again == release
    assert again.to_json() == release.to_json()


@given(releases, st.integers(1), words)
@settings(max_examples=40)
def test_number_and_commit_do_not_count_when_releases_are_compared(
    release: Release, number: int, other: str
) -> None:
    assert replace(release, number=number, commit=other).blank() == release.blank()


def service(name: str, **spec: Any) -> Service:
    return Service(name, "colour", {"image": f"demo/{name}", **spec})


def release(*given: Service, **more: Any) -> Release:
    tags = {each.name: f"demo/{each.name}:src-1" for each in given}
    plain = {"number": 1, "commit": "c" * 40, "images": {}, "tags": tags, "identities": tags}
    return Release(**{**plain, "secrets": {}, "services": given, **more})


def test_changes_are_told_in_words_for_each_service() -> None:
    used = [{"source": "TOKEN"}]
    old = release(
        service("api", environment={"A": "1", "B": "1"}, secrets=used),
        service("web", command=["a"]),
        service("gone"),
        secrets={"TOKEN": "t.1", "OTHER": "o.1"},
        migration_head="1",
    )
    new = release(
        service("api", environment={"A": "2", "C": "1"}, secrets=used),
        service("web", command=["b"]),
        service("more"),
        secrets={"TOKEN": "t.2", "OTHER": "o.2"},
        migration_head="2",
    )
    new = replace(new, tags={**new.tags, "api": "demo/api:src-2"})
    assert draft.changes(old, new) == [
        "more: added",
        "gone: removed",
        "api: image, A, B, C, secret TOKEN",
        "web: command",
        "migrations: up to 2",
    ]
    assert draft.changes(None, new) == ["first release"]
    assert draft.changes(old, replace(old, number=2, commit="d")) == []


def test_a_dirty_tree_is_never_passed_off_as_the_commit() -> None:
    assert Commit("abc").name == "abc"
    assert Commit("abc", ("x.py",)).name == "abc+dirty"


def test_only_a_clean_commit_reaches_machines() -> None:
    commit.demand_clean(Commit("abc"), "prod")
    with pytest.raises(Refused, match=r"not committed: a, b, c and 2 more\..*--env=prod --dirty"):
        commit.demand_clean(Commit("abc", tuple("abcde")), "prod")
    with pytest.raises(Refused, match="what prod runs could not be found again: "):
        commit.demand_clean(Commit(UNVERSIONED), "prod")


def test_this_checkouts_commit_is_the_one_git_shows() -> None:
    argv = ["git", "rev-parse", "HEAD"]
    here = Path(__file__).parent
    done = subprocess.run(argv, cwd=here, capture_output=True, text=True, check=False)
    sha = done.stdout.strip() if done.returncode == 0 else UNVERSIONED
    assert commit.read().sha == sha


def test_a_record_is_plain_json() -> None:
    assert json.loads(release(service("api")).to_json())["services"][0]["name"] == "api"


def test_all_that_a_deploy_would_refuse_is_foreseen_and_not_only_the_first() -> None:
    def refuse() -> str:
        raise Refused("port 80 is taken")

    def complain() -> None:
        raise ConfigError("compose/prod.env: X is missing")

    checks = [lambda: "well", refuse, lambda: None, complain]
    assert deploy.foresee(checks) == ["port 80 is taken", "compose/prod.env: X is missing"]


class UpToDate:
    """As much of a deploy of what serves as its preview reads."""

    env = environment.load("dev")
    draft = Draft(release(), {}, {})
    cluster = Cluster(FakeHost(), {}, ["m3: is it on?"], is_lenient=True)

    def checks(self) -> list[Callable[[], object]]:
        return [partial(refuse, "port 80 is taken")]

    def is_up_to_date(self) -> bool:
        return True

    def is_unfinished(self) -> bool:
        return False


def refuse(reason: str) -> None:
    raise Refused(reason)


def test_a_plan_of_what_is_up_to_date_hides_no_refusal() -> None:
    gate = partial(refuse, "main.py is not committed")
    preview = deploy.preview_of(cast(Deployment, UpToDate()), [gate])
    assert preview.plans == []
    assert preview.refusals == ["main.py is not committed"]  # also this deploy asks it
    assert preview.later == ["port 80 is taken"]
    assert preview.changes == ["continuing without m3: is it on?"]
