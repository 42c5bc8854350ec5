"""Where restic keeps an environment's files, by its settings, and the keys that it needs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slipway.errors import ConfigError
from slipway.storage.open import DELIVERED, open_store, s3_place, scheme_of
from slipway.storage.store import Store

HOME = Path("/var/lib/restic")  # of the volume that restic has to itself
PASSPHRASE = "BACKUP_FILES_PASSPHRASE"  # noqa: S105  the name of a secret
AWS = "https://s3.amazonaws.com"
CREDENTIALS = Path("/tmp/credentials")  # noqa: S108  in memory, in a container of its own


@dataclass(frozen=True)
class Repository:
    """A repository as restic is told of it; what is secret stands in files."""

    name: str  # for people
    location: str
    options: tuple[str, ...]
    environment: Mapping[str, str]
    store: Store | None = None  # the same place to our own eyes, where it is S3

    def look(self) -> None:
        """Raise StoreError for a store that does not answer; restic would try for 15 minutes."""
        if self.store is not None:
            next(iter(self.store.entries("files/config")), None)


def open_repository(
    settings: Mapping[str, str], env_name: str, secrets_folder: Path = DELIVERED
) -> Repository:
    """Return the repository of the files of one environment; nothing is asked of it yet.

    Raises ConfigError for a store that is none, or a key that is missing.
    """
    place = settings.get("BACKUP_STORE", "").strip()
    common = {
        "HOME": str(CREDENTIALS.parent),
        "TMPDIR": str(CREDENTIALS.parent),
        "RESTIC_CACHE_DIR": str(HOME / "cache"),
        "RESTIC_PASSWORD_FILE": str(_secret(secrets_folder / PASSPHRASE, env_name)),
        "RESTIC_PROGRESS_FPS": "0.2",
    }
    if scheme_of(place, env_name) != "s3":
        folder = HOME / "repository"
        return Repository("the volume restic of its own engine", str(folder), (), common)
    bucket, access = s3_place(settings, env_name, secrets_folder)
    write_credentials(CREDENTIALS, access.access_key(), access.secret_key())
    options = ["-o", f"s3.bucket-lookup={'path' if access.endpoint else 'auto'}"]
    if access.region:
        options += ["-o", f"s3.region={access.region}"]
    if access.authority:
        options += ["--cacert", str(access.authority)]
    path = f"{bucket}/files"
    endpoint = access.endpoint or AWS
    environment = common | {"AWS_SHARED_CREDENTIALS_FILE": str(CREDENTIALS)}
    store = open_store(settings, env_name, secrets_folder)
    return Repository(f"s3://{path}", f"s3:{endpoint}/{path}", tuple(options), environment, store)


def write_credentials(path: Path, key: str, secret: str) -> None:
    """Write the keys where restic reads them: neither its words nor its environment hold any."""
    lines = ("[default]", f"aws_access_key_id = {key}", f"aws_secret_access_key = {secret}", "")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def _secret(path: Path, env_name: str) -> Path:
    if path.is_file() and path.stat().st_size:
        return path
    raise ConfigError(
        f"{path.name} is missing for {env_name}, and files are encrypted with it; put it into "
        f"secrets/{env_name}.sops.yaml (sops edit secrets/{env_name}.sops.yaml), commit and deploy"
    )
