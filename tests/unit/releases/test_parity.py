"""Two environments differ in what is declared, with its reason; all else is named."""

import dataclasses
from pathlib import Path
from types import MappingProxyType

import pytest

from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import ConfigError
from slipway.project import COMPOSE
from slipway.releases import application, parity
from slipway.releases.parity import Difference
from tests.fakes.vault import Vault, needs_age

BASE = """\
services:
  api:
    image: shop/api
    deploy: {labels: {slipway.role: colour}, replicas: 2}
  report:
    image: shop/report
    deploy: {labels: {slipway.role: job, slipway.schedule: "0 3 * * *"}}
"""


@pytest.fixture
def envs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Environment, Environment]:
    """Two environments with one base, whose overlays a test writes."""
    from slipway.yaml_file import read_yaml

    def read(env: Environment) -> application.Application:
        """Merge as Compose does, without it: it takes a second."""
        services = read_yaml(compose / "compose.yml", "base")["services"]
        overlay = compose / f"compose.{env.name}.yml"
        own = (read_yaml(overlay, "overlay") or {}) if overlay.is_file() else {}
        for name, spec in (own.get("services") or {}).items():
            services.setdefault(name, {}).update(spec)
        parsed = [application.Service(n, "colour", s) for n, s in sorted(services.items())]
        return application.Application(tuple(parsed), ())

    monkeypatch.setattr(application, "read", read)
    compose = tmp_path / "compose"
    compose.mkdir()
    (compose / "compose.yml").write_text(BASE)
    (compose / "settings.yml").write_text("{}")
    base = environment.load("staging", COMPOSE)
    one, two = (
        dataclasses.replace(base, name=name, compose=compose, secrets=tmp_path / "secrets")
        for name in ("staging", "prod")
    )
    return one, two


def overlay(env: Environment, text: str) -> None:
    (env.compose / f"compose.{env.name}.yml").write_text(text)


def undeclared(envs: tuple[Environment, Environment]) -> list[str]:
    return [each.name for each in parity.differences(*envs) if not each.reason]


def test_alike_environments_differ_in_nothing(envs: tuple[Environment, Environment]) -> None:
    assert parity.differences(*envs) == []


def test_each_difference_is_named_and_a_declared_one_with_its_reason(
    envs: tuple[Environment, Environment],
) -> None:
    staging, prod = envs
    labels = '{slipway.role: job, slipway.schedule: "0 4 * * *"}'
    overlay(prod, f"services: {{report: {{image: shop/report:2, deploy: {{labels: {labels}}}}}}}\n")
    overlay(staging, "services: {api: {deploy: {replicas: 1}}}\nx-differs: {api.replicas: less}\n")
    assert parity.differences(*envs) == [
        Difference("service", "api.replicas", "1", "2", "less"),
        Difference("service", "report.image", "shop/report", "shop/report:2"),
        Difference("service", "report.schedule", "0 3 * * *", "0 4 * * *"),
    ]


def test_a_service_that_only_one_has_is_a_difference(
    envs: tuple[Environment, Environment],
) -> None:
    overlay(envs[1], "services: {mail: {image: mail}}\nx-differs: {mail: nobody gets test mails}\n")
    (only,) = parity.differences(*envs)
    assert (only.name, only.first, only.reason) == ("mail", "", "nobody gets test mails")


def test_settings_differ_with_the_reason_of_their_rule(
    envs: tuple[Environment, Environment],
) -> None:
    staging, prod = envs
    values = {**prod.settings, "DOMAIN": "example.com", "KEEP_RELEASES": "9"}
    prod = dataclasses.replace(prod, settings=MappingProxyType(values))
    assert undeclared((staging, prod)) == ["KEEP_RELEASES"]


@needs_age
def test_of_secrets_only_their_presence_is_compared(
    envs: tuple[Environment, Environment], tmp_path: Path
) -> None:
    vault = Vault(tmp_path)
    for env, document in zip(envs, ({"A": "1", "B": "1"}, {"A": "2"}), strict=True):
        vault.keep(document).rename(env.secrets_file)
    rules = vault.environment("A", "B").rules
    one, two = (dataclasses.replace(env, rules=rules) for env in envs)
    assert undeclared((one, two)) == ["B"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x-differs: {apl.replicas: why}", r"there is no service apl \(did you mean api\?\)"),
        ("x-differs: [api]", "x-differs must be lines such as"),
        ("x-differs: {api.replicas: 2}", "x-differs must be lines such as"),
        ('x-differs: {api.replicas: ""}', "x-differs must be lines such as"),
    ],
)
def test_a_declaration_of_nothing_is_refused(
    envs: tuple[Environment, Environment], text: str, complaint: str
) -> None:
    overlay(envs[0], text)
    with pytest.raises(ConfigError, match=complaint):
        parity.differences(*envs)
