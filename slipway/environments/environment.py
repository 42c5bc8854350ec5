"""The frozen Environment: what one of dev, testing, staging or prod is, checked as it is read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from slipway.environments import (
    domains,
    envfile,
    production_rules,
    protection,
    proxies,
    setting_rules,
)
from slipway.errors import ConfigError, UsageError
from slipway.project import COMPOSE, SECRETS
from slipway.suggest import nearest

NAME = re.compile(r"[a-z][a-z0-9-]{0,15}")
# Where an image has the public authorities; libpq of a wheel does not find them by “system”.
PUBLIC = ("/etc/ssl/certs/ca-certificates.crt", "system")


@dataclass(frozen=True)
class Environment:
    """One environment; `settings` holds every plain setting, defaults filled in."""

    name: str
    settings: Mapping[str, str]
    rules: setting_rules.Rules
    compose: Path = COMPOSE
    secrets: Path = SECRETS

    @property
    def project(self) -> str:
        return self.settings["PROJECT"]

    @property
    def prefix(self) -> str:
        """What everything of this environment in Docker is called by: `logbook-prod`."""
        return f"{self.project}-{self.name}"

    @property
    def is_local(self) -> bool:
        """Whether it runs on this computer's engine."""
        return self.settings["RUNS_ON"] == "this-computer"

    @property
    def is_throwaway(self) -> bool:
        """Whether it is recreated for each run of tests, so that nobody misses what it held."""
        return self.name == "testing"

    @property
    def secrets_file(self) -> Path:
        return self.secrets / f"{self.name}.sops.yaml"

    def number(self, key: str, default: int | None = None) -> int:
        """Return a number; `default` is for settings that an older project does not declare."""
        return int(self.settings[key] if default is None else self.settings.get(key, default))

    def switch(self, key: str) -> bool:
        return self.settings[key] == "on"


def names(compose: Path = COMPOSE) -> list[str]:
    """List the environments: every env file next to compose.yml but common.env."""
    stems = {path.stem for path in compose.glob("[!.]*.env")} - {"common"}
    order = ["dev", "testing", "staging", "prod"]
    return [name for name in order if name in stems] + sorted(stems - set(order))


def load(name: str | None, compose: Path = COMPOSE, secrets: Path = SECRETS) -> Environment:
    """Read and check an environment. Raises UsageError for the name, ConfigError for a file."""
    known = names(compose)
    if not name:
        raise UsageError(f"--env is required (one of: {', '.join(known)})")
    if name in known and not NAME.fullmatch(name):
        raise ConfigError(
            f"compose/{name}.env: {_printable(name)} is no name for an environment: small letters, "
            "digits and dashes, at most 16, a letter first; rename the file"
        )
    if name not in known:
        known = [each for each in known if NAME.fullmatch(each)]
        hint = nearest(name.lower()[:40], known) or f" (one of: {', '.join(known)})"
        raise UsageError(f"there is no environment {_printable(name)}{hint}")
    file = setting_rules.file_in(compose)
    rules = setting_rules.load(compose)
    _check_required(file, rules, known)
    settings: dict[str, str] = {
        rule.key: rule.default for rule in rules.values() if rule.default is not None
    }
    for path in (compose / "common.env", compose / f"{name}.env"):
        values = envfile.read(path)
        _check(path, values, rules)
        settings |= values
        _check_production(path, values, known)
    for rule in rules.values():
        if not rule.secret and rule.is_required(name) and not settings.get(rule.key):
            raise ConfigError(f"compose/{name}.env: {rule.key} is missing. {rule.help}")
    if complaint := domains.complaint(settings.get("DOMAIN", "")):
        raise ConfigError(f"compose/{name}.env: DOMAIN: {complaint}")
    if complaint := proxies.complaint(settings.get("TRUSTED_PROXIES", "")):
        raise ConfigError(f"compose/{name}.env: TRUSTED_PROXIES: {complaint}")
    if settings.get("TLS", "off") != "off" and not settings.get("DOMAIN"):
        raise ConfigError(
            f"compose/{name}.env: TLS={settings['TLS']} needs DOMAIN, the names to serve"
        )
    if settings.get("PITR") == "on":
        _check_pitr(f"compose/{name}.env", settings)
    _check_certificate(f"compose/{name}.env", settings, rules)
    _check_apart(name, settings, compose)
    env = Environment(name, MappingProxyType(settings), rules, compose, secrets)
    production_rules.check(env, rules)
    return env


def _check_required(file: Path, rules: setting_rules.Rules, known: Sequence[str]) -> None:
    """Find a name of no environment: what only it requires would be required nowhere."""
    for rule in rules.values():
        for name in () if isinstance(rule.required, bool) else rule.required:
            if name not in known:
                raise ConfigError(
                    f"compose/{file.name}: {rule.key}: required: there is no environment "
                    f"{name}{nearest(name, known)}"
                )


def _check(path: Path, values: Mapping[str, str], rules: setting_rules.Rules) -> None:
    for key, value in values.items():
        rule = rules.get(key)
        if rule is None:
            hint = nearest(key, rules)
            file = setting_rules.file_in(path.parent).name
            raise ConfigError(f"compose/{path.name}: {key} is not in compose/{file}{hint}")
        if rule.secret:
            name = path.stem if path.stem != "common" else "<environment>"
            raise ConfigError(
                f"compose/{path.name}: {key} is a secret; it belongs in secrets/{name}.sops.yaml"
            )
        if complaint := rule.complaint(value):
            raise ConfigError(f"compose/{path.name}: {key} {complaint}")


def _check_production(path: Path, values: Mapping[str, str], known: Sequence[str]) -> None:
    """Find a name that would guard nothing; every environment has to know which ones are."""
    if protection.SETTING in values and path.name != "common.env":
        raise ConfigError(f"compose/{path.name}: {protection.SETTING} belongs in common.env")
    for name in protection.listed(values):
        if name not in known:
            hint = nearest(name, known)
            raise ConfigError(
                f"compose/{path.name}: {protection.SETTING}: there is no environment {name}{hint}"
            )


def _check_pitr(path: str, settings: Mapping[str, str]) -> None:
    """Find before a deploy what would leave the database without its archive."""
    if not settings.get("BACKUP_STORE", "").startswith("s3://"):
        raise ConfigError(f"{path}: PITR=on needs BACKUP_STORE=s3://bucket/path")
    if settings.get("BACKUP_S3_ENDPOINT", "").startswith("http://"):
        raise ConfigError(f"{path}: PITR=on needs a BACKUP_S3_ENDPOINT that begins with https://")
    for key in ("PITR_DAYS", "PITR_QUEUE_MB"):
        if settings.get(key) == "0":
            raise ConfigError(f"{path}: {key} must be at least 1")


def _check_certificate(path: str, settings: Mapping[str, str], rules: setting_rules.Rules) -> None:
    """Find a certificate of the database that could be compared with nothing."""
    mode, root = settings.get("PGSSLMODE", ""), settings.get("PGSSLROOTCERT", "")
    ours = "PGSSLROOTCERT=/run/secrets/DATABASE_CA, and its certificate as the secret DATABASE_CA"
    if mode == "verify-ca" and root in ("", *PUBLIC) and "PGSSLROOTCERT" in rules:
        raise ConfigError(f"{path}: PGSSLMODE=verify-ca needs an authority of your own: {ours}")
    if mode == "verify-full" and not root and "PGSSLROOTCERT" in rules:
        raise ConfigError(
            f"{path}: PGSSLMODE=verify-full needs an authority to believe: "
            f"PGSSLROOTCERT={PUBLIC[0]} for the public ones, or {ours}"
        )


def _check_apart(name: str, settings: Mapping[str, str], compose: Path) -> None:
    """Find before anything is done that an environment's database is another one's.

    A host without a dot is a service in the environment's own network.
    """
    if "." not in settings.get("DATABASE_HOST", ""):
        return
    common = envfile.read(compose / "common.env")
    for other in (each for each in names(compose) if each != name):
        theirs = common | envfile.read(compose / f"{other}.env")
        if all(
            settings[key].lower().rstrip(".") == theirs.get(key, settings[key]).lower().rstrip(".")
            for key in ("DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME")
        ):
            raise ConfigError(
                f"compose/{name}.env: DATABASE_HOST and DATABASE_NAME are those of {other}; two "
                "environments in one database would destroy each other"
            )


def _printable(name: str) -> str:
    return ascii(name[:40])
