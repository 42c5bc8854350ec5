"""The door to sops: encrypted files in, secrets out; its own words are never repeated.

Its error texts can hold values (a changed type prints the decrypted secret), so an exit code
is all that is taken from a failure.
"""

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from slipway.environments.environment import Environment
from slipway.environments.protection import DISPOSABLE
from slipway.environments.setting_rules import file_in
from slipway.errors import ConfigError, Refused, listing
from slipway.hosts.host import CommandResult
from slipway.hosts.local import LocalHost
from slipway.project import ROOT
from slipway.secrets import cloud_keys, encrypted_file, identity, programs, recipients, rules
from slipway.secrets.cloud_keys import CloudKey
from slipway.secrets.encrypted_file import PUBLIC_KEY_FILE
from slipway.secrets.secret import Secret
from slipway.suggest import nearest

PASSED = (
    *("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR"),
    *("SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD"),
    *("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_CMD"),
)
TIMEOUT = 20  # seconds
NO_KEY = 128
MEANINGS = {
    25: "was changed outside sops (a value does not verify)",
    51: "was changed outside sops (a line was added, removed or moved)",
    52: "was changed outside sops (its checksum is missing)",
    100: "is missing",
}


def read(env: Environment) -> dict[str, Secret]:
    """Decrypt the secrets of an environment and check them against the rules."""
    values = read_so_far(env)
    demand_required(env, values)
    return values


def read_so_far(env: Environment) -> dict[str, Secret]:
    """Decrypt the secrets of an environment, which may still lack some that it must have."""
    path = env.secrets_file
    if not path.is_file():
        raise Refused(
            f"secrets/{path.name} is missing; create it: inv secrets.create --env={env.name}"
        )
    recipients.check(path)
    values = decrypt(path, env)
    names = [rule.key for rule in env.rules.values() if rule.secret]
    for key in values:
        if key not in names:
            hint = nearest(key, names)
            rules = f"compose/{file_in(env.compose).name}"
            raise ConfigError(f"secrets/{path.name}: {key} is not a secret in {rules}{hint}")
    return values


def demand_required(env: Environment, values: Collection[str]) -> None:
    """Raise ConfigError with the secrets that an environment must have and has not."""
    problems = [
        f"secrets/{env.secrets_file.name}: {rule.key} is missing. {rule.help} "
        f"Type: inv secrets.set --env={env.name} --name={rule.key}"
        for rule in env.rules.values()
        if rule.secret and rule.is_required(env.name) and not rule.composed
        if rule.key not in values
    ]
    if problems:
        raise ConfigError(listing(problems))


def key_file(env: Environment) -> Path | None:
    """Return the age key in the repository where this environment uses it, else None."""
    return env.secrets / PUBLIC_KEY_FILE if env.name in DISPOSABLE else None


def decrypt(path: Path, env: Environment) -> dict[str, Secret]:
    """Decrypt a flat file of an environment with the key that it uses.

    Raises ConfigError for a damaged file, Refused for a key that does not fit, UntrustedProgram.
    """
    return decrypt_with(_program(env), path, key_file(env), _cloud_keys(env, path.parent))


def decrypt_with(
    program: str, path: Path, key: Path | None, allowed: Sequence[CloudKey] = ()
) -> dict[str, Secret]:
    """Decrypt a flat file; without `key` sops finds the person's own.

    No server of a cloud or a Vault is asked but for the keys that are `allowed`. What this process
    has decrypted once it knows: a command opens a file one time.
    """
    if foreign := [each.name for each in encrypted_file.cloud_keys(path) if each not in allowed]:
        raise ConfigError(
            f"secrets/{path.name}: it is encrypted to {', '.join(foreign)}, whom .sops.yaml does "
            "not name; nothing was asked there"
        )
    if key is None:
        identity.demand_private()
    env = _environment(key, allowed)
    state = _state(program, path.read_bytes(), env, key)
    if state not in _opened:
        _opened[state] = _decrypt(program, path, env, key)
    return dict(_opened[state])


_opened: dict[str, dict[str, Secret]] = {}


def _state(program: str, data: bytes, env: Mapping[str, str], key: Path | None) -> str:
    """Return what tells one decryption from another: the file, the program and the keys."""
    stamp = str(key and (key.stat().st_ino, key.stat().st_mtime_ns))
    parts = [program, stamp, *(f"{name}={value}" for name, value in sorted(env.items()))]
    return hashlib.sha256(b"\0".join([data, *(part.encode() for part in parts)])).hexdigest()


def _decrypt(
    program: str, path: Path, env: Mapping[str, str], key: Path | None
) -> dict[str, Secret]:
    argv = [program, "decrypt", "--output-type", "json", str(path)]
    result = LocalHost(env=env, cwd=ROOT).run(argv, timeout=TIMEOUT, check=False)
    if result.code == NO_KEY:
        raise Refused(f"secrets/{path.name} {_not_opened(path, key)}")
    if result.code != 0:
        unknown = f"could not be decrypted (sops ended with {result.code})"
        meaning = MEANINGS.get(result.code, unknown)
        raise ConfigError(f"secrets/{path.name} {meaning}")
    try:
        document = json.loads(result.out)
    except ValueError:
        raise ConfigError(f"secrets/{path.name} did not decrypt to JSON") from None
    return {key: Secret(value) for key, value in document.items()}


def encrypt(values: Mapping[str, Secret], env: Environment) -> str:
    """Return the environment's file, encrypted to the recipients that .sops.yaml names for it."""
    path = env.secrets_file
    document = json.dumps({k: v.reveal() for k, v in values.items()}, ensure_ascii=False)
    argv = [_program(env), "encrypt", "--input-type", "json", "--output-type", "yaml"]
    argv += ["--filename-override", f"secrets/{path.name}", "/dev/stdin"]
    host = LocalHost(env=_environment(None, _cloud_keys(env)), cwd=path.parent.parent)
    result = host.run(argv, stdin=document.encode(), timeout=TIMEOUT, check=False)
    if result.code != 0:
        raise ConfigError(
            f"sops could not encrypt secrets/{path.name} (it ended with {result.code}); "
            "does .sops.yaml have a rule with recipients for it?"
        )
    return result.out


def set_value(draft: Path, name: str, value: Secret, env: Environment) -> None:
    """Give a value to one secret of a copy; every other stays as it is, also encrypted."""
    text = json.dumps(value.reveal(), ensure_ascii=False).encode()
    _change(["set", "--value-stdin", str(draft), f'["{name}"]'], text, draft, env)


def unset(draft: Path, name: str, env: Environment) -> None:
    """Take one secret out of a copy; every other stays as it is, also encrypted."""
    _change(["unset", str(draft), f'["{name}"]'], b"", draft, env)


def _change(words: list[str], stdin: bytes, draft: Path, env: Environment) -> None:
    host = LocalHost(env=_environment(key_file(env), _cloud_keys(env)), cwd=ROOT)
    result = host.run([_program(env), *words], stdin=stdin, timeout=TIMEOUT, check=False)
    file = env.secrets_file.name
    if result.code == NO_KEY:
        raise Refused(f"secrets/{file} {_not_opened(draft, key_file(env))}")
    if result.code != 0:
        meaning = MEANINGS.get(result.code, f"was not changed (sops ended with {result.code})")
        raise ConfigError(f"secrets/{file} {meaning}")


def run(env: Environment, argv: Sequence[str], *, cwd: Path) -> CommandResult:
    """Run sops in a folder, with the key that an environment uses; what it says is for nobody."""
    key = key_file(env)
    if key is None:
        identity.demand_private()
    host = LocalHost(env=_environment(key, _cloud_keys(env, cwd / "secrets")), cwd=cwd)
    return host.run([_program(env), *argv], timeout=TIMEOUT, check=False)


def opened_by(env: Environment) -> str:
    """Name the key on this computer that opens the environment's secrets; nothing for none."""
    return identity.opening(encrypted_file.recipients(env.secrets_file), key_file(env))


def demand_program(env: Environment) -> None:
    """Raise UntrustedProgram where the sops that is there would not be given these secrets."""
    _program(env)


def _program(env: Environment) -> str:
    """Return the sops to use; what dev and testing hold is public, so any may see that."""
    program = programs.find_sops()
    if key_file(env) is None:
        programs.demand_release(env, program)
    return program.path


def _not_opened(path: Path, key: Path | None) -> str:
    names = encrypted_file.recipients(path)
    ssh = any(name.startswith("ssh-") for name in names)
    own = identity.present(key, ssh=ssh) or "there is none on this computer"
    text = f"cannot be read with your key; ask someone who can for access. Tried: {own}"
    readers = [_reader(path.parent, name) for name in names]
    readers += [key.name for key in encrypted_file.cloud_keys(path)]
    return f"{text}; it is encrypted to {', '.join(readers)}" if readers else text


def _reader(secrets: Path, key: str) -> str:
    """Name who a file is encrypted to as .sops.yaml does, by name where it has one."""
    file = secrets.parent / rules.FILE
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    person = rules.name_behind(text, key)
    return f"{person} ({key})" if person else key


def _cloud_keys(env: Environment, secrets: Path | None = None) -> tuple[CloudKey, ...]:
    """Return the keys in clouds that the rule for the environment's file names."""
    rule = rules.first_for(f"secrets/{env.secrets_file.name}", secrets or env.secrets)
    return rule.cloud_keys if rule else ()


def _environment(key: Path | None, allowed: Sequence[CloudKey]) -> dict[str, str]:
    env = {name: os.environ[name] for name in PASSED if name in os.environ}
    env |= cloud_keys.variables(allowed, os.environ)
    if key is not None:
        env.pop("SOPS_AGE_KEY", None)
        env["SOPS_AGE_KEY_FILE"] = str(key)
    return env
