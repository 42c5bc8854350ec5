"""Who can read which secrets: the rules of .sops.yaml, read and added to with its comments kept."""

import io
import re
from pathlib import Path
from typing import Any

from slipway import whole_file
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, first_line, last_line
from slipway.hosts.local import LocalHost
from slipway.secrets import programs, rules
from slipway.secrets.rules import RULES
from slipway.text_file import read_utf8
from slipway.yaml_file import parse_yaml

WIDE = 10_000  # columns before ruamel.yaml would break a line that somebody wrote as one


def has_rule(env: Environment) -> bool:
    """Say whether a rule names the environment's secrets. Raises ConfigError for a damaged file."""
    path = f"secrets/{env.secrets_file.name}"
    return any(rule.matches(path) for rule in rules.read(env.secrets))


def add_rule(env: Environment, key: str) -> None:
    """Add a rule for the environment's secrets at the end; everything else stays as it is.

    The new file takes the old one's place in one move, after sops has encrypted with it.
    """
    file = _file(env)
    with whole_file.draft(file) as draft:
        regex = f"^secrets/{re.escape(env.secrets_file.name)}$"
        draft.write_text(with_rule(_text(file), regex, key), encoding="utf-8")
        _try(env, draft)


def _file(env: Environment) -> Path:
    return env.secrets.parent / ".sops.yaml"


def with_rule(text: str, path_regex: str, key: str) -> str:
    """Return the text of .sops.yaml with one more rule at its end. Raises ConfigError."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    document = _load(text)
    if document is None:
        # Comments alone are no document, and would be lost.
        text = text.removesuffix("\n") + "\n" * bool(text.strip()) + f"{RULES}: []\n"
        document = _load(text)
    before = rules.listed(document)
    column = before.lc.col if isinstance(before, CommentedSeq) and len(before) else 2
    if not before:
        document[RULES] = CommentedSeq()
        document[RULES].fa.set_block_style()
    rule = CommentedMap(path_regex=path_regex, unencrypted_suffix="__never__")
    rule["age"] = CommentedSeq([key])
    rule["age"].fa.set_flow_style()
    document[RULES].append(rule)
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, WIDE
    yaml.indent(mapping=2, sequence=column + 2, offset=column)
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _try(env: Environment, draft: Path) -> None:
    """Let sops encrypt a text that is no secret by the new rules."""
    name = f"secrets/{env.secrets_file.name}"
    argv = [
        programs.find_sops().path,
        "--config",
        str(draft),
        "encrypt",
        "--filename-override",
        name,
    ]
    argv += ["--input-type", "json", "--output-type", "yaml", "/dev/stdin"]
    result = LocalHost(cwd=draft.parent).run(argv, stdin=b'{"A": "x"}', timeout=20, check=False)
    if result.code != 0:
        raise ConfigError(
            f".sops.yaml: sops does not take it with a rule for {name}: {last_line(result.err)}; "
            "it was left as it was"
        )


def _load(text: str) -> Any:
    """Read it with its comments. Raises ConfigError."""
    from ruamel.yaml import YAML

    parse_yaml(text, ".sops.yaml")  # whose complaints name the line
    yaml = YAML()
    yaml.preserve_quotes = True
    try:
        return yaml.load(text)
    except Exception as error:  # it knows YAML 1.2, sops and we 1.1
        raise ConfigError(f".sops.yaml is not YAML: {first_line(error)}") from None


def _text(file: Path) -> str:
    return read_utf8(file, ".sops.yaml") if file.exists() else ""
