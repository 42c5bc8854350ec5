"""Whether secrets are encrypted to those, and only those, whom .sops.yaml names; needs no key.

A rule that is not anchored also matches files whose name only contains its own: prod's secrets
were then encrypted to nonprod's people, or to the key that lies in the repository.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from slipway.environments.protection import DISPOSABLE
from slipway.errors import ConfigError
from slipway.secrets import encrypted_file, rules
from slipway.secrets.encrypted_file import PUBLIC_KEY_FILE
from slipway.secrets.rules import Rule

SUFFIX = ".sops.yaml"
NO_RULE = "no rule of .sops.yaml is for it, so who may read it is written nowhere; "
PUBLIC = re.compile(r"^# public key: (\S+)$", re.MULTILINE)


def check(file: Path) -> None:
    """Raise ConfigError where others than its rule names may read a file, or soon could."""
    for problem in _exposures(file, rules.read(file.parent)):
        raise ConfigError(f"secrets/{file.name}: {problem}")


def problems(secrets: Path) -> list[str]:
    """Say of every encrypted file what is wrong with it; nothing when all is right."""
    lines, known = list[str](), rules.read(secrets)
    for file in sorted(secrets.glob(f"*{SUFFIX}")):
        try:
            why = [*_exposures(file, known), *_missing(file, known)]
            why += [f"line {n} is a comment in plain text" for n in encrypted_file.comments(file)]
            lines += [f"secrets/{file.name}: {each}" for each in why]
        except ConfigError as error:  # it is damaged
            lines.append(str(error))
    return lines


def _exposures(file: Path, known: Sequence[Rule]) -> Iterator[str]:
    """Say why others may read a file, or could after its next change."""
    path, names = f"secrets/{file.name}", actual(file)
    matching = [rule for rule in known if rule.matches(path)]
    is_guarded = file.name.removesuffix(SUFFIX) not in DISPOSABLE
    public = public_key(file) if is_guarded else ""
    if public and public in names:
        yield (
            f"it is encrypted to the public key of {PUBLIC_KEY_FILE}, so anybody can read it; "
            f"mend .sops.yaml, type `sops updatekeys {path}` and `sops rotate -i {path}`, and "
            "change every value"
        )
    if not matching:
        if is_guarded:
            yield NO_RULE + _follow(file, "add one")
        return
    rule = matching[0]
    if public and public in rule.recipients:
        yield f"rule {rule.number} of .sops.yaml names the public key of {PUBLIC_KEY_FILE}"
    if is_guarded and not rule.is_anchored:
        yield (
            f"rule {rule.number} of .sops.yaml, {rule.regex!a}, also matches other files; "
            "begin it with ^ and end it with $"
        )
    if hidden := [each for each in matching[1:] if each.is_only_for(path)]:
        yield (
            f"rule {rule.number} of .sops.yaml counts for it, and rule {hidden[0].number}, which "
            "is for nothing else, comes too late; leave one of them, or change their order"
        )
    if strangers := [each for each in names if each not in rule.readers]:
        yield (
            f"it is encrypted to {', '.join(strangers)}, whom .sops.yaml does not name; "
            f"{_follow(file)}"
        )
    if rule.partial:
        yield (
            f"rule {rule.number} of .sops.yaml has {', '.join(rule.partial)}, by which the next "
            "change would leave some of it in the open; take that out"
        )


def _missing(file: Path, known: Sequence[Rule]) -> Iterator[str]:
    """Say who should be able to read a file and is not."""
    path = f"secrets/{file.name}"
    rule = next((rule for rule in known if rule.matches(path)), None)
    if rule is None:
        return
    names = actual(file)
    if missing := [each for each in rule.readers if each not in names]:
        yield (f".sops.yaml names {', '.join(missing)}, who cannot read it yet; {_follow(file)}")


def _follow(file: Path, by_hand: str = "") -> str:
    """Say what gives a file the readers that it should have."""
    if (file.parent.parent / rules.TEAM).is_file():
        return "type: inv team.apply"
    return by_hand or f"type: sops updatekeys secrets/{file.name}"


def actual(file: Path) -> list[str]:
    """Name all that a file is encrypted to."""
    people = rules.without_comments(encrypted_file.recipients(file))
    return [*people, *(key.name for key in encrypted_file.cloud_keys(file))]


def public_key(file: Path) -> str:
    """Return the public half of the key that lies beside a file; nothing without such a key.

    Raises ConfigError where it cannot be told.
    """
    key = file.with_name(PUBLIC_KEY_FILE)
    if not key.is_file():
        return ""
    match = PUBLIC.search(key.read_text(encoding="utf-8", errors="replace"))
    if match is None:
        raise ConfigError(
            f"secrets/{key.name} has lost its line `# public key: age1…`, so whether other "
            "secrets are encrypted to it cannot be told"
        )
    return match[1]
