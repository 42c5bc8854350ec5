"""The rules of .sops.yaml that follow from team.yml: text in, text out, everything else kept.

A rule for an environment of the team names its members' keys, each with its name behind it. Rules
for other files, as those of dev and testing, and comments above rules stay as they are.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from slipway.errors import ConfigError
from slipway.secrets import policy, rules
from slipway.secrets.cloud_keys import RULE_FIELDS
from slipway.secrets.rules import core
from slipway.team.member import Member, Team
from slipway.yaml_file import compose_strings, parse_yaml

if TYPE_CHECKING:
    from yaml import MappingNode, Node

# Keys of a cloud are nobody of the team: they stay in a rule as they are.
OWN_KEYS = ("age", "path_regex", "unencrypted_suffix", *RULE_FIELDS)


def generated(text: str, team: Team) -> str:
    """Return the text of .sops.yaml as the team has it. Raises ConfigError."""
    for env in team.environments:
        if readers := team.readers(env):
            text = _proven(_with_rule(text, env, readers), env, readers)
    return text


def readers_named(text: str, env: str) -> dict[str, str]:
    """Map the keys that a rule names for an environment's secrets to who stands behind each."""
    known = [rules.rule(number, each) for number, each in _listed(text)]
    rule = next((each for each in known if each.matches(path(env))), None)
    return {key: rules.name_behind(text, key) for key in rule.recipients} if rule else {}


def path(env: str) -> str:
    """Return the path of an environment's secrets, as a rule sees it."""
    return f"secrets/{env}.sops.yaml"


def _listed(text: str) -> list[tuple[int, object]]:
    document = parse_yaml(text, rules.FILE) if text.strip() else None
    return list(enumerate(rules.listed(document), 1))


def _with_rule(text: str, env: str, readers: Sequence[Member]) -> str:
    known = [rules.rule(number, each) for number, each in _listed(text)]
    matching = [rule for rule in known if rule.matches(path(env))]
    if [rule.recipients for rule in matching[:1]] == [tuple(_cores(readers))]:
        return text
    if not matching:
        text = policy.with_rule(text, _regex(env), readers[0].age)
    elif not matching[0].is_only_for(path(env)):
        text = _inserted(text, matching[0].number, env, readers)
    number = next(
        number
        for number, each in _listed(text)
        if (rule := rules.rule(number, each)).matches(path(env)) and rule.is_only_for(path(env))
    )
    return _refilled(text, number, readers)


def _proven(text: str, env: str, readers: Sequence[Member]) -> str:
    """Return the text once it is read as it was meant: it was put together letter by letter."""
    try:
        if list(readers_named(text, env)) == _cores(readers):
            return text
    except ConfigError:
        pass
    raise ConfigError(
        f"{rules.FILE}: its rules cannot be followed up as they are written; write each one below "
        "the other, with its keys as a list under age"
    )


def _cores(readers: Sequence[Member]) -> list[str]:
    return rules.without_comments(each.age for each in readers)


def _regex(env: str) -> str:
    return f"^secrets/{re.escape(env)}\\.sops\\.yaml$"


def _refilled(text: str, number: int, readers: Sequence[Member]) -> str:
    """Put these keys in place of those of a rule, and leave every other letter as it is."""
    fields = {str(key.value): (key, value) for key, value in _rule_node(text, number).value}
    if foreign := [key for key in fields if key not in OWN_KEYS]:
        raise ConfigError(
            f"{rules.FILE}: rule {number} has {', '.join(foreign)}, which team.yml knows nothing "
            "of; take that out, or name the keys under age"
        )
    key, value = fields["age"]
    start, end = value.start_mark.index, _end(value)
    line_end = text.find("\n", end)
    rest = text[end:] if line_end < 0 else text[line_end:]
    before = text[:start].rstrip(" \n")
    indent = " " * (key.start_mark.column + 2)
    lines = [f"\n{indent}- {core(each.age)} # {each.name}" for each in readers]
    return before + "".join(lines) + (rest or "\n")


def _inserted(text: str, number: int, env: str, readers: Sequence[Member]) -> str:
    """Put a rule of its own for an environment before the rule that counted for it so far."""
    mark = _rule_node(text, number).start_mark
    line_start = text.rfind("\n", 0, mark.index) + 1
    dash = text.rfind("-", line_start, mark.index)
    indent = " " * (dash - line_start)
    rule = (
        f"{indent}- path_regex: {_regex(env)}\n{indent}  unencrypted_suffix: __never__\n"
        f"{indent}  age: [{_cores(readers)[0]}]\n"
    )
    return text[:line_start] + rule + text[line_start:]


def _rule_node(text: str, number: int) -> "MappingNode":
    import yaml

    root = compose_strings(text)
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if key.value == rules.RULES and isinstance(value, yaml.SequenceNode):
                node = value.value[number - 1]
                if isinstance(node, yaml.MappingNode):
                    return node
    raise ConfigError(f"{rules.FILE}: rule {number} must be a mapping with path_regex")


def _end(node: "Node") -> int:
    """Return where a value ends; a list in block style would also take the comments behind it."""
    import yaml

    is_block = isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value
    return _end(node.value[-1]) if is_block else int(node.end_mark.index)
