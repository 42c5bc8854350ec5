"""The one-off container that has an environment's volumes: what it is asked and answers."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slipway.agent.codec import MessageError, decode, encode
from slipway.cluster.observed import Observed, observe
from slipway.environments.environment import Environment
from slipway.errors import (
    Busy,
    ConfigError,
    DifferenceFound,
    Refused,
    SlipwayError,
    UsageError,
    last_line,
    readable,
)
from slipway.files.messages import (
    ANSWER,
    REQUEST,
    SAYS,
    FilesFailure,
    FilesReply,
    FilesRequest,
    Keeping,
)
from slipway.files.repository import PASSPHRASE
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.progress import Reporter, Silent
from slipway.releases import history, jobs, schedule, volume_labels, volumes
from slipway.releases.application import Service
from slipway.releases.release import Release

SERVICE = "restic"
LONGEST = 72 * 60 * MINUTES
PLACEMENT = "node.labels.slipway.data == true"
WRITING = ("fill", "exchange", "prune")
# What giving back files to their owners takes, and removing those of others.
OWNING = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID")
RESTORING = (*WRITING, "drill")
ERRORS: Mapping[int, type[SlipwayError]] = {
    each.exit_code: each for each in (UsageError, Refused, DifferenceFound, Busy)
}


@dataclass(frozen=True)
class FileStore:
    """The files of an environment as its serving release has them, and the machines they are on."""

    env: Environment
    cluster: Cluster
    release: Release
    service: Service
    volumes: tuple[str, ...]
    observed: Observed

    def ask(self, verb: str, reporter: Reporter, **fields: Any) -> FilesReply:
        """Have the container do one thing. Raises what it failed with."""
        chosen = fields.pop("volumes", self.volumes)
        request = FilesRequest(verb, self.env.prefix, tuple(chosen), **fields)
        service = equip(self.env, self.service, self.release, request)
        job = jobs.Job(service, _told(request), LONGEST)
        env = self.release.environment(self.env)
        outcome = jobs.run(self.cluster.manager, env, self.release, job, _Heard(reporter))
        return read(self.cluster.manager.name, outcome.lines, outcome.error)


@contextlib.contextmanager
def opened(env: Environment, *, is_stored: bool = True) -> Iterator[FileStore]:
    """Connect to an environment and its files: those that are backed up, or all in volumes.

    Raises Refused where there are none, or nowhere to back them up to.
    """
    with connect.connected(env, lenient=True) as cluster:
        observed = observe(cluster.manager, env.prefix)
        release = history.serving(cluster.manager, observed, env.prefix)
        if release is None:
            raise Refused(f"{env.name} is not deployed; type: inv deploy --env={env.name}")
        service, names = (demand if is_stored else demand_volumes)(env, release)
        yield FileStore(env, cluster, release, service, names, observed)


def demand(env: Environment, release: Release) -> tuple[Service, tuple[str, ...]]:
    """Return the service that does it and the volumes that are kept. Raises Refused."""
    names = tuple(sorted(volumes.kept(release)))
    if not names:
        raise Refused(
            f"no volume of {release.label} has the label {volume_labels.LABEL}: files, so there is "
            "nothing to back up; write it under volumes in compose/compose.yml and deploy"
        )
    service = _service(release)
    place = env.settings.get("BACKUP_STORE", "")
    if not place.startswith("s3://") and not env.is_local:
        raise Refused(
            f"files of {env.name} go to a store that its machines reach: set "
            f"BACKUP_STORE=s3://bucket/path in compose/{env.name}.env, and deploy"
        )
    if PASSPHRASE not in release.secrets:
        raise ConfigError(
            f"secrets/{env.secrets_file.name}: {PASSPHRASE} is missing, with which backups of "
            f"files are encrypted; type: inv secrets.add --env={env.name}, commit and deploy"
        )
    return service, names


def demand_volumes(env: Environment, release: Release) -> tuple[Service, tuple[str, ...]]:
    """Return the service that does it and every volume with files. Raises Refused."""
    names = tuple(sorted(volumes.files(env, release)))
    if not names:
        raise Refused(
            f"no service of {release.label} with slipway.role: data keeps files in a volume; "
            "docs/operations.md says how one does (Files in volumes)"
        )
    return _service(release), names


def _service(release: Release) -> Service:
    service = next((one for one in release.of("job") if one.name == SERVICE), None)
    if service is None:
        raise Refused(
            f"{release.label} has no service {SERVICE}; bring compose/slipway.yml up to date "
            "(inv kit.upgrade) and deploy"
        )
    return service


def scheduled(env: Environment, release: Release) -> tuple[Service, dict[str, str]]:
    """Return the service as its times start it: a backup, after which old ones go."""
    service, names = demand(env, release)
    request = FilesRequest("backup", env.prefix, names, keeping=keeping(env))
    return equip(env, service, release, request), _told(request)


def keeping(env: Environment) -> Keeping:
    """Return how long backups of files are kept."""
    policy = schedule.policy_of(env)
    return Keeping(policy.keep, policy.stale_after, policy.keep_replaced)


def _told(request: FilesRequest) -> dict[str, str]:
    return {REQUEST: json.dumps(encode(request), sort_keys=True).replace("$", "$$")}


def equip(env: Environment, service: Service, release: Release, request: FilesRequest) -> Service:
    """Return the service with the volumes of a request, and the rights that this takes."""
    mounts = volumes.files(env, release)
    is_read_only = request.plan or request.verb not in WRITING
    own = [
        {key: mounts[name][key] for key in ("definition", "volume") if key in mounts[name]}
        | {"type": "volume", "source": name, "target": f"/volumes/{name}"}
        | ({"read_only": True} if is_read_only else {})
        for name in request.volumes
    ]
    spec = dict(service.spec)
    deploy = dict(spec.get("deploy") or {})
    placement = dict(deploy.get("placement") or {})
    placement["constraints"] = [*(placement.get("constraints") or []), PLACEMENT]
    needed = OWNING if request.verb in RESTORING and not request.plan else ()
    return replace(
        service,
        spec={
            **spec,
            "volumes": [*(spec.get("volumes") or []), *own],
            "cap_add": [*(spec.get("cap_add") or []), *needed],
            "hostname": SERVICE,  # by which restic knows a lock of a run that was killed
            "deploy": {**deploy, "placement": placement},
        },
    )


def read(host: str, lines: Sequence[str], error: str) -> FilesReply:
    """Read the answer in what the container printed. Raises what it failed with."""
    if ANSWER not in lines:
        why = error or last_line("\n".join(lines)) or "it ended without an answer"
        raise jobs.JobFailed(f"{SERVICE} on {host} failed: {readable(why)}")
    last = len(lines) - 1 - list(reversed(lines)).index(ANSWER)
    try:
        with reading(host, f"the answer of {SERVICE}"):
            document = json.loads("\n".join(lines[last + 1 :]))
            if "code" not in document:
                return decode(FilesReply, document)
            failure = decode(FilesFailure, document)
    except MessageError as differs:
        text = f"the engine in the image of {SERVICE} is another than this one"
        raise UsageError(f"{text} ({differs}); deploy first") from None
    raise ERRORS.get(failure.code, SlipwayError)(readable(failure.text))  # names of files are in it


class _Heard(Silent):
    """Passes on what the container says to people, and neither its states nor its answer."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def note(self, text: str) -> None:
        if text.startswith(SAYS):
            self._reporter.note(readable(text))
