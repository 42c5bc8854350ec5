"""Keys that a cloud or a Vault holds, beside age keys: their names in a rule and in a file.

sops asks the server that a file names, with the credentials of this computer. So each has a name
that says all of it, and nothing is asked that a rule of .sops.yaml does not name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

AWS, GCP, VAULT = "kms", "gcp_kms", "hc_vault"
KINDS = (AWS, GCP, VAULT)
VAULT_URIS = "hc_vault_transit_uri"  # as a rule calls it outside of its groups
RULE_FIELDS = (AWS, GCP, VAULT_URIS)
# Of this computer's variables, what signs a person or a job in to each.
SIGNED_IN = {AWS: ("AWS_",), GCP: ("GOOGLE_", "CLOUDSDK_"), VAULT: ("VAULT_",)}
PROXIES = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
VAULT_URI = re.compile(r"(https?://[^/\s]+)/v1/(\S+)/keys/([^/\s]+)")


@dataclass(frozen=True)
class CloudKey:
    """One key, by the name that a rule and a file have in common."""

    kind: str
    name: str

    @property
    def server(self) -> str:
        """The address of a Vault; the clouds have one each."""
        return self.name.partition("/v1/")[0] if self.kind == VAULT else ""


def of_rule(rule: Mapping[str, object]) -> Iterator[CloudKey]:
    """Name the keys that a rule, or one group of it, encrypts to."""
    for each in _listed(rule.get(AWS)):
        yield CloudKey(AWS, _aws(each))
    for each in _listed(rule.get(GCP)):
        name = each.get("resource_id") if isinstance(each, dict) else each
        yield CloudKey(GCP, str(name))
    for each in (*_listed(rule.get(VAULT_URIS)), *_listed(rule.get(VAULT))):
        yield CloudKey(VAULT, str(each).rstrip("/"))


def of_file(group: Mapping[str, object]) -> Iterator[CloudKey]:
    """Name the keys that a file, or one group of it, is encrypted to."""
    for each in _entries(group.get(AWS)):
        yield CloudKey(AWS, _aws(each))
    for each in _entries(group.get(GCP)):
        yield CloudKey(GCP, str(each.get("resource_id")))
    for each in _entries(group.get(VAULT)):
        address, engine = str(each.get("vault_address")).rstrip("/"), each.get("engine_path")
        yield CloudKey(VAULT, f"{address}/v1/{engine}/keys/{each.get('key_name')}")


def variables(keys: Iterable[CloudKey], environ: Mapping[str, str]) -> dict[str, str]:
    """Return what sops may know of this computer to use these keys, and no other server."""
    keys = list(keys)
    starts = tuple(start for key in keys for start in SIGNED_IN[key.kind])
    names = PROXIES if keys else ()
    passed = {name: text for name, text in environ.items() if name in names}
    if starts:
        passed |= {name: text for name, text in environ.items() if name.startswith(starts)}
    servers = dict.fromkeys(key.server for key in keys if key.server)
    # A file could otherwise have sops send a token to a server that it names.
    return passed | {"SOPS_HC_VAULT_ALLOWLIST": ",".join(servers) or "none"}


def _aws(entry: object) -> str:
    """Name a key with the role and the profile that it is used by: each is somebody's access."""
    if not isinstance(entry, dict):
        return str(entry)
    arn, role, profile = (str(entry.get(key) or "") for key in ("arn", "role", "aws_profile"))
    return arn + (f"+{role}" if role else "") + (f" ({profile})" if profile else "")


def _listed(value: object) -> list[object]:
    """Read a list, or the commas that sops takes in place of one."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return list(value) if isinstance(value, list) else []


def _entries(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
