"""What is wrong with settings: in the rules, in a file by itself, and of all files together."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from slipway.environments import domains, envfile, protection, proxies, setting_rules
from slipway.environments.setting_rules import Rules
from slipway.suggest import nearest

# Where an image has the public authorities; libpq of a wheel does not find them by “system”.
PUBLIC = ("/etc/ssl/certs/ca-certificates.crt", "system")


def of_rules(file: Path, rules: Rules, known: Sequence[str]) -> Iterator[str]:
    """Find names of no environment, and composed secrets of what there is not."""
    for rule in rules.values():
        for name in rule.parts:
            if (part := rules.get(name)) is None or part.composed:
                reason = "is composed itself" if part else f"is no setting{nearest(name, rules)}"
                yield f"compose/{file.name}: {rule.key}: composed: {name} {reason}"
        for name in () if isinstance(rule.required, bool) else rule.required:
            if name not in known:
                yield (
                    f"compose/{file.name}: {rule.key}: required: there is no environment "
                    f"{name}{nearest(name, known)}"
                )


def of_file(
    path: Path, values: Mapping[str, str], rules: Rules, known: Sequence[str]
) -> Iterator[str]:
    """Find what no rule knows, what is a secret, and what is not as its rule says."""
    for key, value in values.items():
        if complaint := of_value(path, key, value, rules):
            yield f"compose/{path.name}: {key} {complaint}"
    yield from _production(path, values, known)


def of_value(path: Path, key: str, value: str, rules: Rules) -> str:
    """Say what is wrong with one setting of a file; nothing where it is right."""
    rule = rules.get(key)
    if rule is None:
        file = setting_rules.file_in(path.parent).name
        return f"is not in compose/{file}{nearest(key, rules)}"
    if rule.secret:
        name = path.stem if path.stem != "common" else "<environment>"
        return f"is a secret; it belongs in secrets/{name}.sops.yaml"
    return rule.complaint(value) or ""


def _production(path: Path, values: Mapping[str, str], known: Sequence[str]) -> Iterator[str]:
    """Find a name that would guard nothing; every environment has to know which ones are."""
    if protection.SETTING in values and path.name != "common.env":
        yield f"compose/{path.name}: {protection.SETTING} belongs in common.env"
    for name in protection.listed(values):
        if name not in known:
            hint = nearest(name, known)
            yield f"compose/{path.name}: {protection.SETTING}: there is no environment {name}{hint}"


def of_all(
    name: str, settings: Mapping[str, str], rules: Rules, compose: Path, known: Sequence[str]
) -> Iterator[str]:
    """Find what is missing, and what does not go together."""
    where = f"compose/{name}.env"
    for rule in rules.values():
        if not rule.secret and rule.is_required(name) and not settings.get(rule.key):
            yield f"{where}: {rule.key} is missing. {rule.help}"
    if complaint := domains.complaint(settings.get("DOMAIN", "")):
        yield f"{where}: DOMAIN: {complaint}"
    if complaint := proxies.complaint(settings.get("TRUSTED_PROXIES", "")):
        yield f"{where}: TRUSTED_PROXIES: {complaint}"
    if settings.get("TLS", "off") != "off" and not settings.get("DOMAIN"):
        yield f"{where}: TLS={settings['TLS']} needs DOMAIN, the names to serve"
    if settings.get("PITR") == "on":
        yield from _archive(where, settings)
    if "PGSSLROOTCERT" in rules:
        yield from _certificate(where, settings)
    yield from _shared_database(name, settings, compose, known)


def _archive(where: str, settings: Mapping[str, str]) -> Iterator[str]:
    """Find before a deploy what would leave the database without its archive."""
    if not settings.get("BACKUP_STORE", "").startswith("s3://"):
        yield f"{where}: PITR=on needs BACKUP_STORE=s3://bucket/path"
    if settings.get("BACKUP_S3_ENDPOINT", "").startswith("http://"):
        yield f"{where}: PITR=on needs a BACKUP_S3_ENDPOINT that begins with https://"
    for key in ("PITR_ARCHIVE", "PITR_DAYS", "PITR_QUEUE_MB"):
        if settings.get(key) == "0":
            yield f"{where}: {key} must be at least 1"


def _certificate(where: str, settings: Mapping[str, str]) -> Iterator[str]:
    """Find a certificate of the database that could be compared with nothing."""
    mode, root = settings.get("PGSSLMODE", ""), settings.get("PGSSLROOTCERT", "")
    ours = "PGSSLROOTCERT=/run/secrets/DATABASE_CA, and its certificate as the secret DATABASE_CA"
    if mode == "verify-ca" and root in ("", *PUBLIC):
        yield f"{where}: PGSSLMODE=verify-ca needs an authority of your own: {ours}"
    if mode == "verify-full" and not root:
        yield (
            f"{where}: PGSSLMODE=verify-full needs an authority to believe: "
            f"PGSSLROOTCERT={PUBLIC[0]} for the public ones, or {ours}"
        )


def _shared_database(
    name: str, settings: Mapping[str, str], compose: Path, known: Sequence[str]
) -> Iterator[str]:
    """Find before anything is done that an environment's database is another one's.

    A host without a dot is a service in the environment's own network.
    """
    if "." not in settings.get("DATABASE_HOST", ""):
        return
    common = envfile.examine(compose / "common.env")[0]
    for other in (each for each in known if each != name):
        theirs = common | envfile.examine(compose / f"{other}.env")[0]
        if all(
            settings[key].lower().rstrip(".") == theirs.get(key, settings[key]).lower().rstrip(".")
            for key in ("DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME")
        ):
            yield (
                f"compose/{name}.env: DATABASE_HOST and DATABASE_NAME are those of {other}; two "
                "environments in one database would destroy each other"
            )
