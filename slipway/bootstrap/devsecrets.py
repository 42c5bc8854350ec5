"""The secrets of dev as files, for plain `docker compose` in compose/."""

from pathlib import Path, PurePosixPath

from slipway.environments import environment
from slipway.hosts.local import LocalHost
from slipway.project import SECRETS, STATE
from slipway.secrets import composition, encrypted_file, programs, sops
from slipway.secrets.secret import Secret

FOLDER = STATE / "dev" / "secrets"


def materialise(folder: Path = FOLDER, secrets: Path = SECRETS) -> list[str]:
    """Write one file per secret; return the names of those that were new or had changed.

    A file that is right stays untouched: a running container holds it by its inode. Containers
    read as other users, so the files are open and the folder is not.
    """
    program, key = programs.find_sops().path, secrets / encrypted_file.PUBLIC_KEY_FILE
    values = sops.decrypt_with(program, secrets / "dev.sops.yaml", key)
    env = environment.examine("dev")[0]  # what is wrong in its files a command says that loads it
    sops.demand_required(env, values)
    values |= composition.values(env, values)
    for rule in env.rules.values():
        if rule.secret and not rule.is_required("dev"):
            values.setdefault(rule.key, Secret(""))  # Compose wants a file for each that it names
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    host = LocalHost()
    changed = []
    for name, value in values.items():
        path, text, own = folder / name, value.reveal(), env.rules.get(name)
        data = own.data(text) if own else text.encode()
        if path.is_dir():
            path.rmdir()  # an engine makes an empty folder where a mounted file was missing
        if not path.is_file() or path.read_bytes() != data:
            host.write(PurePosixPath(path), data, mode=0o444)
            changed.append(name)
    for path in folder.iterdir():
        if path.name not in values and path.is_file():
            path.unlink()
    return changed


def present(folder: Path = FOLDER) -> list[str]:
    """Return the names of the secrets that lie there as files."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
