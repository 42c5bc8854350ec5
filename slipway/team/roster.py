"""team.yml, read strictly: complaints name their lines, and a private key is repeated nowhere."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.environments.protection import DISPOSABLE
from slipway.errors import ConfigError, listing
from slipway.project import ROOT
from slipway.secrets.rules import TEAM, core
from slipway.suggest import nearest
from slipway.team.member import BREAK_GLASS, OPERATOR, ROLES, Member, Role, Team
from slipway.team.public_keys import is_private, why_no_recipient, why_no_ssh_key
from slipway.text_file import read_utf8
from slipway.yaml_file import compose_strings, parse_yaml

if TYPE_CHECKING:
    from yaml import Node

Refuse = Callable[[int, str], None]
Fields = Mapping[str, tuple["Node", int]]

NAME = TEAM
NAMES = re.compile(r"[a-z][a-z0-9-]{0,31}")
FIELDS = ("role", "environments", "age", "ssh", "until")
HEAD = """\
# Who reads the secrets of which environment, and who enters its machines. Public keys alone.
# .sops.yaml, the files in secrets/, team.signers and machines follow it: inv team.apply
#
#   age    what secrets are encrypted to: age1..., a key in hardware too, or ssh-ed25519 AAAA...
#   ssh    public SSH keys that open machines and sign commits: one, or a list
#   role   operator (reads and enters), reader (reads), ci, break-glass (a key in a safe)
#   until  the last day, as 2027-06-30; from the next on `inv team.check` is red
"""


def file_in(root: Path = ROOT) -> Path:
    """Return where a project has its team; it need not be there."""
    return root / NAME


def read(root: Path, environments: Collection[str]) -> Team | None:
    """Read a project's team; None where it has none. Raises ConfigError with all that is wrong."""
    path = file_in(root)
    return parse(read_utf8(path, NAME), environments) if path.is_file() else None


def parse(text: str, environments: Collection[str]) -> Team:
    """Read the text of team.yml. Raises ConfigError with all that is wrong, a line each."""
    for number, line in enumerate(text.splitlines(), 1):
        if is_private(line):
            raise ConfigError(
                f"{NAME}: line {number}: a private key stands there; take it out, and make another "
                "pair: whoever reads the repository has it now (inv team.keygen)"
            )
    parse_yaml(text, NAME)  # refuses what is no YAML, and a name that is there twice
    root = compose_strings(text)
    problems: list[str] = []
    members = [
        _member(name, node, line, environments, problems)
        for name, node, line in _entries(root, problems)
    ]
    problems += _twins(members)
    if problems:
        raise ConfigError(listing([f"{NAME}: {each}" for each in problems]))
    return Team(tuple(members))


def _entries(root: "Node | None", problems: list[str]) -> Iterator[tuple[str, "Node", int]]:
    if root is None:
        return
    top = _mapping(root)
    if top is None or list(top) != ["members"]:
        problems.append("must have one key, members, which maps names to their keys")
        return
    members, line = top["members"]
    if _text(members) == "":
        return
    entries = _mapping(members)
    if entries is None:
        problems.append(f"line {line}: members must map names to their keys")
        return
    for name, (node, at) in entries.items():
        yield name, node, at


def _member(
    name: str, node: "Node", line: int, environments: Collection[str], problems: list[str]
) -> Member:
    def refuse(at: int, what: str) -> None:
        problems.append(f"line {at}: {name[:40]!a}: {what}")

    if not NAMES.fullmatch(name):
        refuse(line, "a name is small letters, digits and dashes, at most 32, a letter first")
    fields = _mapping(node)
    if fields is None:
        refuse(line, f"must be a mapping of {', '.join(FIELDS)}")
        return Member(name, (), line=line)
    for key, (_, at) in fields.items():
        if key not in FIELDS:
            refuse(at, f"unknown word {key[:40]!a}{nearest(key, list(FIELDS))}")
    own = {key: entry for key, entry in fields.items() if key in FIELDS}
    role, age, until = _role(own, refuse), _age(own, refuse), _until(own, refuse)
    names, ssh = _environments(own, environments, refuse), _ssh(own, refuse)
    if not age and "age" not in own and not ssh:
        refuse(line, "has neither an age key nor an SSH key")
    if not names and "environments" not in own:
        refuse(line, "has no environments")
    if role == BREAK_GLASS and not age and "age" not in own:
        refuse(line, "a break-glass key is an age key")
    return Member(name, names, role, age, ssh, until, line)


def _role(fields: Fields, refuse: Refuse) -> Role:
    if "role" not in fields:
        return OPERATOR
    node, line = fields["role"]
    word = _text(node)
    for role in ROLES:
        if word == role:
            return role
    refuse(line, f"role must be one of {', '.join(ROLES)}{nearest(word or '', list(ROLES))}")
    return OPERATOR


def _age(fields: Fields, refuse: Refuse) -> str:
    if "age" not in fields:
        return ""
    node, line = fields["age"]
    text = _text(node) or ""
    if why := why_no_recipient(text):
        refuse(line, f"age: {why}")
        return ""
    return text


def _ssh(fields: Fields, refuse: Refuse) -> tuple[str, ...]:
    if "ssh" not in fields:
        return ()
    node, line = fields["ssh"]
    keys = []
    for text, at in _texts(node, line):
        if why := why_no_ssh_key(text):
            refuse(at, f"ssh: {why}")
        else:
            keys.append(text)
    return tuple(keys)


def _until(fields: Fields, refuse: Refuse) -> date | None:
    if "until" not in fields:
        return None
    node, line = fields["until"]
    try:
        return date.fromisoformat(_text(node) or "")
    except ValueError:
        refuse(line, "until must be a day, as 2027-06-30")
        return None


def _environments(fields: Fields, environments: Collection[str], refuse: Refuse) -> tuple[str, ...]:
    if "environments" not in fields:
        return ()
    node, line = fields["environments"]
    names = []
    for text, at in _texts(node, line):
        if text in DISPOSABLE:
            refuse(at, f"{text} is open to everybody who has the repository; leave it out")
        elif text not in environments:
            refuse(at, f"there is no environment {text[:40]!a}{nearest(text, list(environments))}")
        elif text not in names:
            names.append(text)
    if not _texts(node, line):
        refuse(line, "environments must be a list, as [staging, prod]")
    return tuple(names)


def _twins(members: list[Member]) -> Iterator[str]:
    """Say which key two members have: one of them could not be removed without the other."""
    owners: dict[str, str] = {}
    for member in members:
        for key in {core(key) for key in (member.age, *member.ssh) if key}:
            if key in owners:
                yield f"line {member.line}: {member.name} has the same key as {owners[key]}"
            owners[key] = member.name


def _mapping(node: "Node") -> dict[str, tuple["Node", int]] | None:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return None
    return {str(key.value): (value, key.start_mark.line + 1) for key, value in node.value}


def _texts(node: "Node", line: int) -> list[tuple[str, int]]:
    """Return a text, or the texts of a list, each with its line."""
    import yaml

    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    pairs = [(_text(each), each.start_mark.line + 1) for each in nodes]
    return [(text, at) for text, at in pairs if text] or ([("", line)] if nodes else [])


def _text(node: "Node") -> str | None:
    import yaml

    return str(node.value).strip() if isinstance(node, yaml.ScalarNode) else None
