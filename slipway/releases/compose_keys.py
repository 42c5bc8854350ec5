"""Every key of the Compose specification, and what a deploy does with it.

A key is handled, or left to the hacking loop for the reason that stands here, or refused with what
to write instead. One that stands nowhere is refused too: nothing is dropped without a word.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slipway.suggest import nearest

Keys = tuple[str, ...]  # where something stands: services, api, tmpfs

NO_OPTION = (
    "a Swarm has no such option; leave it out, or move it to compose.override.yml, which only the "
    "hacking loop reads"
)
SPEC = "generic_resources.discrete_resource_spec"
HANDLED: Mapping[str, str] = {
    "": "include",  # resolved by Compose, as are extends, env_file and label_file
    "include": "env_file path project_directory",
    "services.*": "cap_add cap_drop command dns dns_search entrypoint environment extends env_file "
    "extra_hosts healthcheck hostname image init label_file labels logging platform read_only "
    "stdin_open stop_grace_period stop_signal sysctls tmpfs tty ulimits user working_dir",
    "services.*.build": "additional_contexts args cache_from context dockerfile extra_hosts labels "
    "network platforms secrets shm_size ssh target ulimits",
    "services.*.build.secrets": "gid mode source target uid",
    "services.*.build.ulimits.*": "hard soft",
    "services.*.deploy": "endpoint_mode labels mode placement replicas restart_policy",
    "services.*.deploy.placement": "constraints max_replicas_per_node preferences",
    "services.*.deploy.placement.preferences": "spread",
    "services.*.deploy.resources": "limits",
    "services.*.deploy.resources.limits": "cpus memory pids",
    "services.*.deploy.resources.reservations": "cpus generic_resources memory",
    "services.*.deploy.resources.reservations.generic_resources": "discrete_resource_spec",
    f"services.*.deploy.resources.reservations.{SPEC}": "kind value",
    "services.*.deploy.restart_policy": "condition delay max_attempts window",
    "services.*.env_file": "format path required",
    "services.*.extends": "file service",
    "services.*.healthcheck": "disable interval retries start_interval start_period test timeout",
    "services.*.logging": "driver options",
    "services.*.networks.*": "aliases",
    "services.*.secrets": "gid mode source target uid",
    "services.*.ulimits.*": "hard soft",
    "services.*.volumes": "bind image read_only source target tmpfs type",
    "services.*.volumes.bind": "create_host_path propagation recursive selinux",
    "services.*.volumes.image": "subpath",
    "services.*.volumes.tmpfs": "mode size",
    "services.*.volumes.volume": "nocopy subpath",
    "networks.*": "attachable driver driver_opts external internal labels name",
    "networks.*.external": "name",
    "volumes.*": "driver driver_opts external labels name",
    "volumes.*.external": "name",
    "secrets.*": "external name",
    "secrets.*.external": "name",
}
DROPPED: Mapping[str, str] = {
    "version": "Compose itself ignores it",
    "name": "an environment is called by PROJECT and its own name",
    "configs": "nothing without services.configs, which is refused",
    "models": "nothing without services.models, which is refused",
    "services.*.attach": "what `docker compose up` shows",
    "services.*.build.cache_to": "the engine keeps layers and exports none; write a cache in CI",
    "services.*.build.no_cache": "an image is built when its sources change",
    "services.*.build.provenance": "nothing reads attestations of these images",
    "services.*.build.pull": "inv bootstrap pulls base images",
    "services.*.build.sbom": "nothing reads attestations of these images",
    "services.*.build.tags": "an image is named by the content it is built from",
    "services.*.container_name": "a container is called by its service, colour and number",
    "services.*.depends_on": "everything starts at once and is waited for",
    "services.*.deploy.rollback_config": "a deploy has its own way back",
    "services.*.deploy.update_config": "a deploy has its own order",
    "services.*.develop": "what `docker compose watch` does",
    "services.*.expose": "services on one network reach all ports of each other",
    "services.*.ports": "the edge alone is published, on HTTP_PORT and HTTPS_PORT",
    "services.*.profiles": "every service is deployed",
    "services.*.pull_policy": "inv bootstrap pulls images",
    "services.*.pull_refresh_after": "inv bootstrap pulls images",
    "services.*.restart": "what ends is started again; deploy.restart_policy says how",
    "services.*.volumes.consistency": "Compose itself ignores it",
    "secrets.*.environment": "secrets come from secrets/<environment>.sops.yaml",
    "secrets.*.file": "secrets come from secrets/<environment>.sops.yaml",
}
LIMITS = "write it as deploy.resources.limits"
ADDRESS = "addresses are given by the Swarm; reach services by their names"
REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("annotations", "blkio_config", "cgroup", "cgroup_parent", "cpu_count", "cpu_percent"),
            *("cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "cpuset"),
            *("credential_spec", "device_cgroup_rules", "devices", "dns_opt", "domainname", "gpus"),
            *("group_add", "ipc", "isolation", "mac_address", "mem_swappiness", "memswap_limit"),
            *("models", "oom_kill_disable", "oom_score_adj", "pid", "privileged"),
            *("provider", "runtime", "security_opt", "storage_opt", "use_api_socket"),
            *("userns_mode", "uts"),
        ),
        NO_OPTION,
    ),
    "configs": "put the file into the image",
    "cpus": f"{LIMITS}.cpus",
    "external_links": "give both services a network they share; there they know each other by name",
    "links": "give both services a network they share; there they know each other by name",
    "mem_limit": f"{LIMITS}.memory",
    "mem_reservation": "write it as deploy.resources.reservations.memory",
    "network_mode": "write networks: [edge], [data] or both",
    "pids_limit": f"{LIMITS}.pids",
    "post_start": "do it in what the image starts, before the program",
    "pre_stop": "do it in the program, on SIGTERM",
    "scale": "write it as deploy.replicas",
    "shm_size": "write it under volumes: {type: tmpfs, target: /dev/shm, tmpfs: {size: 64m}}",
    "volumes_from": "name the volume under volumes of both services",
    "build.dockerfile_inline": "write a Dockerfile",
    "build.entitlements": "images are built without privileges",
    "build.isolation": "images are built by BuildKit, for Linux",
    "build.privileged": "images are built without privileges",
    "deploy.resources.reservations.devices": "write generic_resources, which machines advertise",
    "networks.*.driver_opts": "write driver_opts of the network",
    "networks.*.gw_priority": ADDRESS,
    "networks.*.interface_name": ADDRESS,
    "networks.*.ipv4_address": ADDRESS,
    "networks.*.ipv6_address": ADDRESS,
    "networks.*.link_local_ips": ADDRESS,
    "networks.*.mac_address": ADDRESS,
    "networks.*.priority": ADDRESS,
    "volumes.volume.labels": "write labels of the volume, in volumes at the top",
}
REFUSED_ABOVE: Mapping[str, str] = {
    "networks.*.enable_ipv4": NO_OPTION,
    "networks.*.enable_ipv6": NO_OPTION,
    "networks.*.ipam": "each colour has a network of its own, so addresses cannot be fixed",
    "secrets.*.driver": "secrets come from secrets/<environment>.sops.yaml",
    "secrets.*.driver_opts": "secrets come from secrets/<environment>.sops.yaml",
    "secrets.*.labels": "a deploy labels secrets itself",
    "secrets.*.template_driver": "secrets come from secrets/<environment>.sops.yaml",
}
ON_WITHOUT_IT = "networks.*.enable_ipv4"
# Under them stand names.
NAMED = (
    *("services", "networks", "volumes", "secrets", "services.*.networks"),
    *("services.*.build.ulimits", "services.*.ulimits"),
)
# Under them stands whatever a team wants.
FREE = (
    *("services.*.build.additional_contexts", "services.*.build.args", "services.*.build.ssh"),
    *("services.*.build.extra_hosts", "services.*.build.labels"),
    *("services.*.deploy.labels", "services.*.environment", "services.*.extra_hosts"),
    *("services.*.labels", "services.*.logging.options", "services.*.sysctls"),
    *("networks.*.driver_opts", "networks.*.labels", "volumes.*.driver_opts", "volumes.*.labels"),
)
UNKNOWN = "Slipway does not know this key and drops nothing; leave it out"


@dataclass(frozen=True)
class Finding:
    """Something in a compose file that a deploy would not do as it is written."""

    keys: Keys
    text: str

    def __str__(self) -> str:
        return f"{'.'.join(self.keys)}: {self.text}"


def table() -> Mapping[str, str]:
    """Map each key of the specification to nothing where it is handled, else to the reason."""
    handled = {_join(under, key): "" for under, text in HANDLED.items() for key in text.split()}
    refused = {f"services.*.{key}": text for key, text in REFUSED.items()}
    return {**handled, **DROPPED, **refused, **REFUSED_ABOVE}


def check(model: Mapping[str, Any]) -> Iterator[Finding]:
    """Find the keys of a model that a deploy does not handle."""
    known = table()
    inner = {key[:end] for key in known for end, letter in enumerate(key) if letter == "."}
    yield from _walk(model, (), "", known, inner)


def _walk(
    value: object, keys: Keys, pattern: str, known: Mapping[str, str], inner: set[str]
) -> Iterator[Finding]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, keys, pattern, known, inner)
    if not isinstance(value, dict):
        return
    for key, below in value.items():
        here, path = _join(pattern, "*" if pattern in NAMED else key), (*keys, key)
        if here in inner:
            yield from _walk(below, path, here, known, inner)
        elif _says_nothing(here, below) or (key.startswith("x-") and here not in known):
            continue
        elif here not in known:
            yield Finding(path, f"{UNKNOWN}{nearest(key, _below(pattern, known))}")
        elif known[here] and here not in DROPPED:
            yield Finding(path, known[here])


def resembling(keys: Keys) -> str:
    """Return, for the end of an error, what was probably meant by the last of these keys."""
    pattern = ""
    for key in keys[:-1]:
        pattern = _join(pattern, "*" if pattern in NAMED else key)
    return nearest(keys[-1], _below(pattern, table()))


def _below(pattern: str, known: Iterable[str]) -> set[str]:
    """Return the names of the keys that stand right under one."""
    above = f"{pattern}." if pattern else ""
    return {key[len(above) :].partition(".")[0] for key in known if key.startswith(above)}


def _says_nothing(key: str, value: object) -> bool:
    """Whether it is the same as if the key were not there."""
    return value in (None, "", [], {}) or (value is False and key != ON_WITHOUT_IT)


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part)
