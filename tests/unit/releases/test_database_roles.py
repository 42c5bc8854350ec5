"""What is left to do until an environment's database has its roles, and what would fail halfway."""

from dataclasses import replace

import pytest

from slipway.environments import environment
from slipway.errors import ConfigError, Refused
from slipway.releases.application import Application, Service
from slipway.releases.commit import Commit
from slipway.releases.database_roles import demand_ready, own_file, steps_left
from slipway.secrets import role_passwords

LISTED = {"secrets": [{"source": key} for key in role_passwords.KEYS]}
SERVICES = (
    Service("db", "data", LISTED),
    Service("ops", "ops", LISTED),
    Service("migrations", "job", LISTED),
    Service("drill", "ops", {}),
    Service("api", "colour", {}),
)
APP = Application(SERVICES, ())
CLEAN = Commit("1f0c2ab")


def test_what_is_done_already_is_no_step_any_more() -> None:
    whole = ("secrets", "commit", "deploy", "look")
    assert steps_left(is_missing=True, is_uncommitted=False) == whole
    assert steps_left(is_missing=False, is_uncommitted=True) == whole[1:]  # it was interrupted
    assert steps_left(is_missing=False, is_uncommitted=False) == whole[2:]


def test_what_would_fail_halfway_is_refused_before_anything_is_written() -> None:
    env = environment.load("staging")
    demand_ready(env, APP, CLEAN)
    demand_ready(env, APP, replace(CLEAN, changed=(own_file(env),)))
    with pytest.raises(Refused, match=r"not committed: compose/api/app\.py"):
        demand_ready(env, APP, replace(CLEAN, changed=(own_file(env), "compose/api/app.py")))
    of_before = Application((*SERVICES[:2], Service("migrations", "job", {})), ())
    lacks = r"services\.migrations\.secrets lacks DATABASE_MIGRATOR_PASSWORD"
    with pytest.raises(ConfigError, match=lacks):
        demand_ready(env, of_before, CLEAN)
    rules = {key: rule for key, rule in env.rules.items() if key not in role_passwords.KEYS}
    with pytest.raises(ConfigError, match="does not know DATABASE_MIGRATOR_PASSWORD"):
        demand_ready(replace(env, rules=rules), APP, CLEAN)
