"""Names of services in what others are given lead in a deploy where the loop has them lead."""

from typing import Any

import pytest

from slipway.errors import ConfigError
from slipway.releases.application import parse


def service(role: str, networks: dict[str, Any], **about: Any) -> dict[str, Any]:
    return {
        "image": "any",
        "networks": networks,
        "deploy": {"labels": {"slipway.role": role}},
        **about,
    }


def model(caller: dict[str, Any], networks: dict[str, Any]) -> dict[str, Any]:
    return {"services": {"search": caller, "web": service("colour", networks)}}


CALLS_BACK = {"environment": {"HOOK": "http://web:8080/done"}}


@pytest.mark.parametrize("role", ["data", "ops", "job", "colour"])
def test_a_plain_name_that_only_the_loop_has_is_refused_with_what_to_write(role: str) -> None:
    calls = model(service(role, {"data": None}, **CALLS_BACK), {"edge": None, "data": None})
    with pytest.raises(ConfigError, match=r"search\.environment\.HOOK: web runs in colours") as one:
        parse(calls)
    assert "aliases: [web-any]" in str(one.value) and "web-any here" in str(one.value)
    assert ("have both on one more network" in str(one.value)) == (role == "colour")


def test_an_alias_or_a_network_of_the_colour_leads_there() -> None:
    by_alias = service("data", {"data": None}, environment={"HOOK": "http://web-any:8080/done"})
    parse(model(by_alias, {"data": {"aliases": ["web-any"]}}))
    plain = service("data", {"data": None}, **CALLS_BACK)
    parse(model(plain, {"data": {"aliases": ["web"]}}))
    parse(model(service("colour", {"app": None}, **CALLS_BACK), {"app": None}))
    with pytest.raises(ConfigError, match=r"web\.networks\.data: web is its name among its colour"):
        parse(model(plain, {"app": None, "data": {"aliases": ["web"]}}))


@pytest.mark.parametrize(
    "about",
    [
        {"environment": {"NAME": "web", "TITLE": "the web: 8080"}},
        {"command": ["serve", "--for", "web"]},
        {"environment": {"HOOK": "https://web.example.org/done"}},
    ],
)
def test_what_is_no_address_of_a_service_is_left_alone(about: dict[str, Any]) -> None:
    parse(model(service("data", {"data": None}, **about), {"data": None}))


def test_what_several_services_have_may_be_of_an_env_file_and_meant_for_one() -> None:
    caller = service("data", {"data": None}, **CALLS_BACK)
    both = model(caller, {"data": None})
    both["services"]["web"] |= CALLS_BACK
    parse(both)
