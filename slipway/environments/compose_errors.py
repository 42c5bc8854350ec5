"""What Compose says of files that it does not read: one line, with its place and without a value.

A value of a compose file or of an env file may be a secret, and Compose repeats it.
"""

import re
from dataclasses import dataclass

from slipway.errors import last_line, readable

Keys = tuple[str, ...]  # where something stands: services, api, tmpfs
# As versions of Compose word it: `services.api Additional property x is not allowed`.
UNKNOWN = re.compile(
    r"validating .+?: (?P<above>\S*) ?additional propert(?:y|ies) '?(?P<key>[^\s']+)'?"
    r".* not allowed",
    re.IGNORECASE,
)
INTERPOLATION = re.compile(r"invalid interpolation format for ([\w.\[\]-]+?)\.?$", re.MULTILINE)
REQUIRED = re.compile(r"required variable (?P<name>\w+) is missing a value")
# After these words Compose repeats a template, or what it cannot read of an env file.
VALUE = re.compile(r"(?P<words>missing a value|Invalid template|quoted value|variable name)\b.*")
# Of a key with a path under `ssh:` some versions (2.26) print what is no JSON.
SSH_KEY = "types.SSHKey"
UNPRINTED = (
    "under build.ssh this version of Compose can name no key by its path; write ssh: [default], "
    "and give the key to your agent: ssh-add PATH"
)


@dataclass(frozen=True)
class Refusal:
    """One reason of Compose; `keys`, `unknown` and `variable` as far as it names them."""

    reason: str
    keys: Keys = ()
    unknown: bool = False
    variable: str = ""


def read(stderr: str) -> Refusal:
    """Read what Compose wrote when it ended with an error."""
    last = last_line(stderr)
    if match := INTERPOLATION.search(stderr):
        return Refusal(f"{match[1]}: write $$ where a dollar sign is meant", _keys(match[1]))
    if match := UNKNOWN.search(last):
        keys = (*_keys(match["above"].replace("(root)", "")), match["key"])
        return Refusal(f"{'.'.join(keys)}: Compose does not know this key", keys, unknown=True)
    if SSH_KEY in last:
        return Refusal(UNPRINTED)
    reason = readable(VALUE.sub(r"\g<words>", last.partition(" near ")[0]))
    required = REQUIRED.search(reason)
    return Refusal(reason, variable=required["name"] if required else "")


def _keys(path: str) -> Keys:
    """Part the path of a value; the number of an entry in a list is no key."""
    return tuple(filter(None, re.sub(r"\[\d*\]|\.\d+(?=\.|$)", "", path).split(".")))
