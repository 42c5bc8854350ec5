"""Who can read which secrets: the rules of .sops.yaml, read and added to with its comments kept."""

import io
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any

from slipway.environments.environment import Environment
from slipway.errors import ConfigError, first_line, last_line
from slipway.hosts.local import LocalHost
from slipway.secrets import sops
from slipway.text_file import read_utf8
from slipway.yaml_file import parse_yaml

RULES = "creation_rules"
WIDE = 10_000  # columns before ruamel.yaml would break a line that somebody wrote as one


def has_rule(env: Environment) -> bool:
    """Say whether a rule names the environment's secrets. Raises ConfigError for a damaged file."""
    path = f"secrets/{env.secrets_file.name}"
    rules = _rules(parse_yaml(_text(_file(env)), ".sops.yaml"))
    return any(_matches(number, rule, path) for number, rule in enumerate(rules, 1))


def add_rule(env: Environment, key: str) -> None:
    """Add a rule for the environment's secrets at the end; everything else stays as it is.

    The new file takes the old one's place in one move, after sops has encrypted with it.
    """
    file = _file(env)
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
    with tempfile.NamedTemporaryFile("wb", prefix=".sops.", dir=file.parent, delete=False) as new:
        draft = Path(new.name)
        try:
            new.write(_with_rule(file, f"^secrets/{re.escape(env.secrets_file.name)}$", key))
            new.close()
            _try(env, draft)
            draft.chmod(mode)
            draft.replace(file.resolve())  # a link stays one
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def _file(env: Environment) -> Path:
    return env.secrets.parent / ".sops.yaml"


def _with_rule(file: Path, path_regex: str, key: str) -> bytes:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    text = _text(file)
    document = _load(text)
    if document is None:
        # Comments alone are no document, and would be lost.
        text = text.removesuffix("\n") + "\n" * bool(text.strip()) + f"{RULES}: []\n"
        document = _load(text)
    before = _rules(document)
    column = before.lc.col if isinstance(before, CommentedSeq) and len(before) else 2
    if not before:
        rules = CommentedSeq()
        rules.fa.set_block_style()
        document[RULES] = rules
    rule = CommentedMap(path_regex=path_regex, unencrypted_suffix="__never__")
    rule["age"] = CommentedSeq([key])
    rule["age"].fa.set_flow_style()
    document[RULES].append(rule)
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, WIDE
    yaml.indent(mapping=2, sequence=column + 2, offset=column)
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue().encode()


def _try(env: Environment, draft: Path) -> None:
    """Let sops encrypt a text that is no secret by the new rules."""
    name = f"secrets/{env.secrets_file.name}"
    argv = [sops.find(), "--config", str(draft), "encrypt", "--filename-override", name]
    argv += ["--input-type", "json", "--output-type", "yaml", "/dev/stdin"]
    result = LocalHost(cwd=draft.parent).run(argv, stdin=b'{"A": "x"}', timeout=20, check=False)
    if result.code != 0:
        raise ConfigError(
            f".sops.yaml: sops does not take it with a rule for {name}: {last_line(result.err)}; "
            "it was left as it was"
        )


def _rules(document: object) -> list[object]:
    if document is not None and not isinstance(document, dict):
        raise ConfigError(f".sops.yaml must be a mapping with {RULES}")
    rules = document.get(RULES) if isinstance(document, dict) else None
    if rules is not None and not isinstance(rules, list):
        raise ConfigError(f".sops.yaml: {RULES} must be a list of rules")
    return rules or []


def _matches(number: int, rule: object, path: str) -> bool:
    where = f".sops.yaml: rule {number} of {RULES}"
    if not isinstance(rule, dict):
        raise ConfigError(f"{where} must be a mapping with path_regex")
    try:
        with warnings.catch_warnings():  # of what a later Python may read in another way
            warnings.simplefilter("ignore", FutureWarning)
            return re.search(str(rule.get("path_regex") or ""), path) is not None
    except re.error as error:
        raise ConfigError(f"{where}: path_regex is no regular expression: {error}") from None


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
