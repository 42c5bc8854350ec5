"""What is left to do until an environment's database has its roles, and what would fail halfway."""

from dataclasses import replace
from pathlib import Path

import pytest

from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, Refused
from slipway.releases import application, commit
from slipway.releases.application import Application, Service
from slipway.releases.commit import Commit
from slipway.releases.database_roles import RolesMove
from slipway.secrets import role_passwords
from tests.fakes.reporter import RecordingReporter

LISTED = {"secrets": [{"source": key} for key in role_passwords.KEYS]}
SERVICES = (
    Service("db", "data", LISTED),
    Service("ops", "ops", LISTED),
    Service("migrations", "job", LISTED),
    Service("drill", "ops", {}),
    Service("api", "colour", {}),
)
FILE = "secrets/staging.sops.yaml"


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Staging, whose secrets lack the passwords, in a checkout where all is committed."""
    monkeypatch.setattr(application, "read", lambda env: Application(SERVICES, ()))
    monkeypatch.setattr(commit, "read", lambda: Commit("1f0c2ab"))
    return replace(environment.load("staging"), secrets=tmp_path)


def steps(env: Environment) -> list[str]:
    return [step.name for step in RolesMove(env, RecordingReporter()).plan().steps]


def test_what_is_done_already_is_no_step_any_more(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert steps(env) == ["secrets", "commit", "deploy", "look"]
    monkeypatch.setattr(role_passwords, "missing", lambda env: [])
    monkeypatch.setattr(commit, "read", lambda: Commit("1f0c2ab", (FILE,)))  # it was interrupted
    assert steps(env) == ["commit", "deploy", "look"]
    monkeypatch.setattr(commit, "read", lambda: Commit("1f0c2ab"))
    assert steps(env) == ["deploy", "look"]


def test_what_would_fail_halfway_is_refused_before_anything_is_written(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "read", lambda: Commit("1f0c2ab", (FILE, "compose/api/app.py")))
    with pytest.raises(Refused, match=r"not committed: compose/api/app\.py"):
        steps(env)
    monkeypatch.setattr(commit, "read", lambda: Commit("1f0c2ab"))
    of_before = (*SERVICES[:2], Service("migrations", "job", {}))
    monkeypatch.setattr(application, "read", lambda env: Application(of_before, ()))
    lacks = r"services\.migrations\.secrets lacks DATABASE_MIGRATOR_PASSWORD"
    with pytest.raises(ConfigError, match=lacks):
        steps(env)
    rules = {key: rule for key, rule in env.rules.items() if key not in role_passwords.KEYS}
    with pytest.raises(ConfigError, match="does not know DATABASE_MIGRATOR_PASSWORD"):
        steps(replace(env, rules=rules))
