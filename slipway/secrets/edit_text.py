"""The text in which a person edits secrets: YAML, every value a text, nothing read as a number."""

import re
from collections.abc import Mapping
from typing import Any

from slipway.environments.environment import Environment
from slipway.errors import ConfigError
from slipway.secrets.secret import Secret
from slipway.yaml_file import MERGE, compose_strings

HEAD = """\
# Secrets of {env}. Save and close to encrypt them; close without saving to leave all as it is.
# NAME: value, each value is a text. Several lines begin with | in the line of the name.
"""


def write(env: Environment, values: Mapping[str, Secret]) -> str:
    """Return the text, with what could be added in comments."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes a text of several lines as such."""

    def represent(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, represent)
    plain = {name: value.reveal() for name, value in values.items()}
    options: dict[str, Any] = {"allow_unicode": True, "sort_keys": False, "width": 10**9}
    body = yaml.dump(plain, Dumper=Dumper, **options) if plain else ""
    missing = [rule for rule in env.rules.values() if rule.secret and rule.key not in values]
    lines = [f"# {rule.key}:  {rule.help}\n" for rule in missing if not rule.composed]
    text = HEAD.format(env=env.name) + body + ("\n" if lines else "") + "".join(lines)
    if read(text) != dict(values):
        raise ConfigError(
            f"secrets/{env.secrets_file.name} holds what an editor would change; give each value "
            f"with: inv secrets.set --env={env.name} --name=NAME"
        )
    return text


def read(text: str) -> dict[str, Secret]:
    """Read it back. Raises ConfigError with the line, and never with what stands there."""
    import yaml

    try:
        node = compose_strings(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(f"line {mark.line + 1 if mark else '?'} is not YAML") from None
    except yaml.YAMLError:
        raise ConfigError("there is a character in it that YAML cannot hold") from None
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError("it must be lines of NAME: value")
    values: dict[str, Secret] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        is_text = isinstance(value, yaml.ScalarNode) and key.tag != MERGE
        if not (isinstance(key, yaml.ScalarNode) and is_text):
            raise ConfigError(f"line {line} must be NAME: value, with a text as its value")
        if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,62}", key.value):
            raise ConfigError(f"line {line}: a name has capital letters, digits and underscores")
        if key.value in values:
            raise ConfigError(f"line {line}: {key.value} is there twice")
        values[key.value] = Secret(value.value)
    return values
