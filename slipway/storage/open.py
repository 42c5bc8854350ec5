"""From settings to a store: which kind, where, and the keys that were delivered for it."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from slipway.errors import ConfigError
from slipway.progress import SILENT, Reporter
from slipway.storage.folder import FolderStore
from slipway.storage.s3 import S3Access, S3Store
from slipway.storage.store import Store, check_key

DELIVERED = Path("/run/secrets")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
MOST_PARTS = 10_000  # no store allows more


def open_store(
    settings: Mapping[str, str],
    env_name: str,
    secrets_folder: Path = DELIVERED,
    *,
    reporter: Reporter = SILENT,
) -> Store:
    """Open the store that BACKUP_STORE names, at the folder of one environment.

    Nothing is asked of it yet. An empty BACKUP_STORE is a ConfigError: a folder inside a container
    would be gone with it, so whoever has a better place chooses it before.
    """
    check_key(env_name)
    place = settings.get("BACKUP_STORE", "").strip()
    scheme = scheme_of(place, env_name)
    if scheme == "s3":
        return _open_s3(settings, env_name, secrets_folder, reporter)
    if not place:
        raise _no_store(env_name)
    folder = Path(unquote(urlsplit(place).path)) if scheme else Path(place)
    return FolderStore(folder / env_name, f"{folder}/{env_name}")


def scheme_of(place: str, env_name: str) -> str:
    """Return of which kind a BACKUP_STORE is: s3, or file and nothing for a folder."""
    scheme = place.partition("://")[0] if "://" in place else ""
    if scheme not in ("", "file", "s3"):
        raise _no_store(env_name)
    return scheme


def _no_store(env_name: str) -> ConfigError:
    return ConfigError(
        f"BACKUP_STORE of {env_name} is not a store; write s3://bucket/path or a folder"
    )


def s3_place(
    settings: Mapping[str, str], env_name: str, secrets_folder: Path = DELIVERED
) -> tuple[str, S3Access]:
    """Return where an environment's folder is, `bucket/path/prod`, and the way there."""
    place = settings.get("BACKUP_STORE", "").strip()
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    if not BUCKET.fullmatch(bucket) or not _is_plain(prefix):
        raise ConfigError(
            f"BACKUP_STORE of {env_name} is not s3://bucket/path; keys do not belong in it"
        )

    def ask(name: str) -> Callable[[], str]:
        return lambda: _read_secret(secrets_folder / name, env_name)

    access = S3Access(
        access_key=ask("BACKUP_S3_KEY"),
        secret_key=ask("BACKUP_S3_SECRET"),
        endpoint=_endpoint(settings, env_name),
        region=settings.get("BACKUP_S3_REGION", "").strip(),
        authority=_authority(secrets_folder / "BACKUP_S3_CA"),
    )
    parts = [bucket, *(part for part in prefix.split("/") if part), env_name]
    return "/".join(parts), access


def _open_s3(
    settings: Mapping[str, str], env_name: str, secrets_folder: Path, reporter: Reporter
) -> Store:
    place, access = s3_place(settings, env_name, secrets_folder)
    bucket, _, prefix = place.partition("/")
    parts = _max_parts(settings, env_name)
    return S3Store(bucket, prefix, access, max_parts=parts, reporter=reporter)


def _authority(path: Path) -> Path | None:
    """The certificate that the store's own is signed with, where it is not a public one."""
    return path if path.is_file() and path.stat().st_size else None


def _is_plain(prefix: str) -> bool:
    parts = [part for part in prefix.split("/") if part]
    return all(re.fullmatch(r"[\w.=+ -]+", part) and part not in (".", "..") for part in parts)


def _endpoint(settings: Mapping[str, str], env_name: str) -> str:
    """The address of the store; one with a name, password or path in it is a mistake."""
    text = settings.get("BACKUP_S3_ENDPOINT", "").strip().rstrip("/")
    if text and not re.fullmatch(r"https?://(\[[0-9a-fA-F:]+\]|[\w.-]+)(:\d{1,5})?", text):
        raise ConfigError(
            f"BACKUP_S3_ENDPOINT of {env_name} is not https://host or https://host:port"
        )
    return text


def _max_parts(settings: Mapping[str, str], env_name: str) -> int:
    text = settings.get("BACKUP_S3_MAX_PARTS", "").strip() or "1000"
    if not text.isdecimal() or not 2 <= int(text) <= MOST_PARTS:
        raise ConfigError(
            f"BACKUP_S3_MAX_PARTS of {env_name} is not a number from 2 to {MOST_PARTS}"
        )
    return int(text)


def _read_secret(path: Path, env_name: str) -> str:
    """Read one key as it was delivered; a line end is none of it."""
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError):
        value = ""
    if not value:
        raise ConfigError(
            f"{path.name} is missing for {env_name}; put it into secrets/{env_name}.sops.yaml "
            f"(inv secrets.set --env={env_name} --name={path.name}), commit and deploy"
        )
    return value
