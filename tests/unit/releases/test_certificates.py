"""Where certificates are kept for the edges, where not, and what is refused before a deploy."""

from dataclasses import replace

import pytest

from slipway.cluster import observed
from slipway.edge.certificates import SHARED
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import ConfigError
from slipway.machines.connect import Cluster
from slipway.releases import application, certificates, edge_identity, stack
from slipway.releases.shared_services import SharedServices
from tests.compose import has_compose
from tests.fakes.host import FakeHost
from tests.unit.releases.compose_project import docker_reads, release_of
from tests.unit.releases.running_swarm import describe

pytestmark = pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")


def with_tls(tls: str, domain: str = "a.test") -> Environment:
    env = environment.load("prod")
    return replace(env, settings={**env.settings, "TLS": tls, "DOMAIN": domain})


@pytest.mark.parametrize("tls", ["off", "internal", "auto", "provided"])
def test_a_service_keeps_certificates_where_the_authority_is_not_the_edges_own(tls: str) -> None:
    env = with_tls(tls)
    made = release_of(application.read(env).services)
    is_shared = tls in ("auto", "provided")
    assert bool(made.of("certificates")) == is_shared
    assert (made.environment(env).settings.get(SHARED) == "on") == is_shared
    edge = stack.role_stack(env, made, "edge")["services"]["edge"]
    targets = [each["target"] for each in edge["secrets"]]
    assert targets == (["/etc/edge/identity.pem"] if is_shared else [])


def test_edges_and_the_service_have_one_identity_and_no_key_but_its_own() -> None:
    env = with_tls("provided")
    made = release_of(application.read(env).services)
    made = replace(made, secrets={**made.secrets, "TLS_CHAIN": "c.1", "TLS_KEY": "k.1"})
    service = docker_reads(stack.role_stack(env, made, "certificates"))["services"]["certificates"]
    assert {each["source"] for each in service["secrets"]} == {
        *("c.1", "k.1"),
        edge_identity.name(env),
    }
    edge = docker_reads(stack.role_stack(env, made, "edge"))["services"]["edge"]
    assert [each["source"] for each in edge["secrets"]] == [edge_identity.name(env)]
    # Another certificate is another service, and the same edge.
    other = replace(made, secrets={**made.secrets, "TLS_CHAIN": "c.2"})
    assert stack.digest(env, made, "edge") == stack.digest(env, other, "edge")
    assert stack.digest(env, made, "certificates") != stack.digest(env, other, "certificates")


def test_edges_have_the_identity_as_long_as_routes_that_need_it_are_live() -> None:
    before, env = with_tls("auto"), with_tls("off")
    live, made = (release_of(application.read(each).services) for each in (before, env))
    host = FakeHost("m1")
    cluster = Cluster(host, {"m1": host})
    runs_nothing = observed.parse("\n".join(describe(env, {})))
    described = SharedServices(env, cluster, runs_nothing, made, live).describe("edge")
    (edge,) = docker_reads(described)["services"].values()
    assert [each["source"] for each in edge["secrets"]] == [edge_identity.name(env)]

    seen = observed.parse("\n".join(describe(env, {"edge": described})))
    assert not SharedServices(env, cluster, seen, made).differs("edge"), "it may keep it"


def test_provided_needs_both_secrets_and_the_service() -> None:
    env = with_tls("provided")
    made = release_of(application.read(env).services)
    with pytest.raises(ConfigError) as caught:
        certificates.demand(env, made)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2 and "inv secrets.set --env=prod --name=TLS_CHAIN" in lines[0]
    older = replace(made, services=made.of("edge"))
    with pytest.raises(ConfigError, match=r"needs the service .*: inv kit\.upgrade"):
        certificates.demand(env, older)
    certificates.demand(with_tls("auto"), older)  # each edge obtains its own, as before


def test_a_rollback_says_that_it_brings_back_another_pair() -> None:
    env = with_tls("provided")
    made = release_of(application.read(env).services)
    live, past = (
        replace(made, secrets={**made.secrets, "TLS_CHAIN": f"c.{version}", "TLS_KEY": "k.1"})
        for version in (2, 1)
    )
    assert "shows the TLS_CHAIN that it had" in certificates.brought_back(live, past)
    assert certificates.brought_back(live, live) == certificates.brought_back(live, made) == ""


def test_the_compose_files_of_an_older_project_go_on() -> None:
    env = with_tls("auto")
    app = application.read(env)
    older = tuple(service for service in app.services if service.role != "certificates")
    assert SHARED not in release_of(older).environment(env).settings
