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
from slipway.images.sources import Build
from slipway.machines.connect import Cluster
from slipway.releases import application, commit, compose_labels, preview, prune
from slipway.releases.application import Service
from slipway.releases.commit import UNVERSIONED, Commit
from slipway.releases.deployment import Deployment
from slipway.releases.draft import Draft
from slipway.releases.release import Release
from tests.fakes.host import FakeHost
from tests.unit.releases.running_swarm import RELEASE


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


def test_old_images_are_removed_in_every_repository_that_a_release_names() -> None:
    env = environment.load("dev")
    labels = {"slipway.tags": f"acme/shop:src-1 {env.project}/api:src-2 postgres:17"}
    release = json.dumps(1), json.dumps(f"{env.prefix}.release.00001"), json.dumps(labels)
    told = "\n".join(['swarm\t"active true"', "now\t1000", "\t".join(["config", *release])])
    host = FakeHost("m1").answers("sh", out="kept acme/shop:src-1\n")
    prune.run(env, Cluster(host, {"m1": host}), observed.parse(told), RELEASE)
    (removal,) = [argv for argv in host.ran("sh") if "docker image rm" in argv[2]]
    ours = ["acme/shop:src-*", f"{env.project}/*:src-*", f"{env.project}/api:src-*"]
    assert removal[4].split() == [f"--filter=reference={each}" for each in ours]
    assert "acme/shop:src-1" in removal[5:]


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
    assert preview.foresee(checks) == ["port 80 is taken", "compose/prod.env: X is missing"]


class HalfSwapped:
    """Services whose files are of two times."""

    def refuse_unfinished_swap(self) -> None:
        refuse("a restore of the files has not ended")


class UpToDate:
    """As much of a deploy of what serves as its preview reads."""

    standing = HalfSwapped()
    env = environment.load("dev")
    draft = Draft(release(), {}, {})
    cluster = Cluster(FakeHost(), {}, ["m3: is it on?"], is_lenient=True)

    def checks(self) -> list[Callable[[], object]]:
        return [partial(refuse, "no key opens the secrets")]

    def check_room(self) -> None:
        refuse("port 80 is taken")

    def is_up_to_date(self) -> bool:
        return True

    def is_unfinished(self) -> bool:
        return False


def refuse(reason: str) -> None:
    raise Refused(reason)


def test_a_plan_of_what_is_up_to_date_hides_no_refusal() -> None:
    gate = partial(refuse, "main.py is not committed")
    plan = preview.of(cast(Deployment, UpToDate()), [gate])
    assert plan.plans == []
    own = ["main.py is not committed", "a restore of the files has not ended"]
    assert plan.refusals == own  # also this deploy asks it
    assert plan.later == ["no key opens the secrets", "port 80 is taken"]
    assert plan.notes == ["continuing without m3: is it on?"]
