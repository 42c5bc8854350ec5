"""team.yml written: members added, changed and removed with everybody's comments kept."""

import io
from typing import Any

from slipway.team.member import OPERATOR, Member, Team
from slipway.team.roster import HEAD

WIDE = 10_000  # columns before ruamel.yaml would break a key that is one line


def changed(text: str, team: Team) -> str:
    """Return the text with these members; what did not change keeps its place and comments."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, WIDE
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text or f"{HEAD}\n{{}}\n")
    if document is None:  # comments alone
        document = yaml.load(f"{text.rstrip()}\n\n{{}}\n")
    document.fa.set_block_style()
    if not document.get("members"):
        document["members"] = CommentedMap()
    members = document["members"]
    for name in [name for name in members if team.find(str(name)) is None]:
        del members[name]
    for member in team.members:
        fields = _fields(member)
        if member.name not in members:
            members[member.name] = CommentedMap()
        _fill(members[member.name], fields)
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _fill(entry: Any, fields: dict[str, Any]) -> None:
    from ruamel.yaml.comments import CommentedSeq

    for key in [key for key in entry if key not in fields]:
        del entry[key]
    for key, value in fields.items():
        if str(entry.get(key)) == str(value) or (key in entry and _same(entry[key], value)):
            continue
        if isinstance(value, list):
            value = CommentedSeq(value)
            if key == "environments":
                value.fa.set_flow_style()
        entry[key] = value


def _same(entry: Any, value: object) -> bool:
    """Whether a text and a list of that one text stand for the same."""
    return (list(entry) if isinstance(entry, list) else [entry]) == (
        list(value) if isinstance(value, list) else [value]
    )


def _fields(member: Member) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if member.role != OPERATOR:
        fields["role"] = member.role
    fields["environments"] = list(member.environments)
    if member.age:
        fields["age"] = member.age
    if member.ssh:
        fields["ssh"] = member.ssh[0] if len(member.ssh) == 1 else list(member.ssh)
    if member.until is not None:
        fields["until"] = member.until
    return fields
