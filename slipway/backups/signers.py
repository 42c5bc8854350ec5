"""Whose backups are trusted: backups/signers.yml, the public halves of signing keys, in git."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from slipway import whole_file
from slipway.backups.format.signature import OPERATIONS, OPERATORS, is_public
from slipway.errors import ConfigError
from slipway.suggest import nearest
from slipway.text_file import read_utf8
from slipway.yaml_file import read_yaml

NAME = "backups/signers.yml"
SECRETS = {OPERATIONS: "BACKUP_SIGNING_KEY", OPERATORS: "BACKUP_OPERATOR_KEY"}
HEAD = """\
# Whose backups are trusted: the public halves of the keys that sign them, by environment.
# `inv secrets.create` and `inv secrets.add` write it. A backup, a proof or a job's result that none
# of them has signed is refused. An environment that is not here accepts everything.
#
#   operations   what the ops container signs: what runs by itself
#   operators    what people sign: its private half is in the secrets file and on no machine
#
# The newest comes first; an older one stays as long as its backups are wanted. Was a machine broken
# into? Take its `operations` away: what people took is still trusted.
"""


def read(path: Path, environment: str) -> Mapping[str, str]:
    """Map each public half that an environment trusts to who signs with it.

    Empty for an environment that is not named. Raises ConfigError.
    """
    try:
        document = read_yaml(path, NAME) or {}
    except FileNotFoundError:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{NAME} must map environments to who signs their backups")
    entry = document.get(environment)
    if entry is None and environment not in document:
        return {}
    return {public: who for who, publics in _roles(environment, entry) for public in publics}


def _roles(environment: str, entry: object) -> Sequence[tuple[str, Sequence[str]]]:
    """Read one environment's entry; one that names nobody would trust everybody."""
    where = f"{NAME}: {environment}"
    if not isinstance(entry, dict) or not any(entry.values()):
        raise ConfigError(f"{where} must name who signs: {OPERATIONS}, {OPERATORS}, or both")
    roles = []
    for who, publics in entry.items():
        if who not in SECRETS:
            raise ConfigError(f"{where}: unknown word {who!a}{nearest(str(who), list(SECRETS))}")
        if not isinstance(publics, list) or not all(map(_is_key, publics)):
            raise ConfigError(f"{where}: {who} must be a list of public keys, as `inv` writes it")
        roles.append((str(who), publics))
    return roles


def _is_key(value: object) -> bool:
    return isinstance(value, str) and is_public(value)


def add(path: Path, environment: str, publics: Mapping[str, str]) -> bool:
    """Name who signs from now on; whether the file changed. What it named before stays."""
    before = read(path, environment)
    new = {who: public for who, public in publics.items() if before.get(public) != who}
    if not new:
        return False
    document = _load(path)
    entry = document.setdefault(environment, {})
    for who, public in new.items():
        entry.setdefault(who, []).insert(0, public)
    _write(path, document)
    return True


def _load(path: Path) -> Any:
    from ruamel.yaml import YAML

    text = read_utf8(path, NAME) if path.exists() else ""
    return YAML().load(text) or YAML().load(f"{text or HEAD}{{}}\n")


def _write(path: Path, document: Any) -> None:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    document.fa.set_block_style()
    out = io.StringIO()
    yaml.dump(document, out)
    whole_file.write(path, out.getvalue())
