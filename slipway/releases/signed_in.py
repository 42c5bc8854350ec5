"""Private registries: a deploy signs in with what the environment's secrets say."""

import contextlib
from collections.abc import Iterator

from slipway.environments.environment import Environment
from slipway.hosts import registry_logins
from slipway.secrets import encrypted_file, sops

SECRET = "REGISTRY_LOGINS"  # noqa: S105  its name


@contextlib.contextmanager
def signed_in(env: Environment) -> Iterator[None]:
    """Sign in for a block, where the environment has logins; nothing is opened where it has none.

    Raises Refused for a key that does not fit, ConfigError for a line that is no login.
    """
    path = env.secrets_file
    if not path.is_file() or SECRET not in encrypted_file.lint(path):
        yield
        return
    text = sops.read(env)[SECRET].reveal()
    with registry_logins.in_force(registry_logins.parse(text, f"secrets/{path.name}: {SECRET}")):
        yield
