"""The release: everything that is needed to run it again, as one record."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

from slipway.cluster.observed import database_of
from slipway.edge import route_records
from slipway.edge.certificates import SHARED
from slipway.edge.routes import Route, Table
from slipway.environments.environment import Environment
from slipway.releases.application import Service
from slipway.releases.commit import short

# Among the recorded settings: what was decided of NETWORK_ENCRYPTION, only where that is "on".
ENCRYPTED = "ENCRYPTED_NETWORKS"
# Under the spec of a service: what its image starts, where that had to be known.
PROGRAM = "x-slipway-program"


@dataclass(frozen=True)
class Release:
    """What was deployed. `images` and `secrets` name contents, not moving tags.

    `images` maps a service to its image by digest, `tags` to the name it has on disk,
    `identities` to what tells two contents apart before anything is built; `secrets` maps a
    key to the versioned Swarm secret that held it. `settings` are those that shape the edge and
    the stacks besides the services' own; empty for a release from before they were recorded.
    """

    number: int
    commit: str
    images: Mapping[str, str]
    tags: Mapping[str, str]
    identities: Mapping[str, str]
    secrets: Mapping[str, str]
    services: tuple[Service, ...]
    migration_head: str = ""
    fingerprint: str = ""
    created: str = ""
    by: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def of(self, role: str) -> tuple[Service, ...]:
        """Return the services of one role."""
        return tuple(service for service in self.services if service.role == role)

    @property
    def encrypts_networks(self) -> bool:
        """Whether its services speak through networks that are encrypted between machines."""
        return self.settings.get(ENCRYPTED) == "on"

    @property
    def routes(self) -> Table:
        """What its edge does with requests: as compose/routes.yml said, or its services' labels."""
        for edge in self.of("edge"):
            if "routes" in edge.spec:
                return route_records.read(edge.spec["routes"])
        labelled = [Route(each.route, each.name, each.port) for each in self.of("colour")]
        return Table(tuple(route for route in labelled if route.path))

    @property
    def database(self) -> str:
        """Where its operations are told that the database is; nothing for a release without."""
        ops = self.operations
        return database_of(ops.spec.get("environment") or {}) if ops else ""

    @property
    def operations(self) -> Service | None:
        """The service in which the agent works: of those with the role, the one called `ops`."""
        services = self.of("ops")
        return next((each for each in services if each.name == "ops"), next(iter(services), None))

    def has_schema_of(self, other: "Release") -> bool:
        """Whether both use one database, with the same migrations."""
        here, there = (self.database, self.migration_head), (other.database, other.migration_head)
        return here == there

    @property
    def label(self) -> str:
        """How people call it: `release 7 (1f0c2ab)`."""
        return f"release {self.number} ({short(self.commit)})"

    def with_operations(self, image: str) -> "Release":
        """Return it with another image of its operations."""
        operations = {service.name: image for service in self.of("ops")}
        identities = {**self.identities, **operations}
        return replace(self, images={**self.images, **operations}, identities=identities)

    def blank(self) -> "Release":
        """Return what is left when the commit and the number do not count, for comparing."""
        services = tuple(
            replace(one, spec={k: v for k, v in one.spec.items() if k != PROGRAM})
            if PROGRAM in one.spec
            else one
            for one in self.services
        )
        return replace(self, number=0, commit="", images=self.identities, services=services)

    def environment(self, env: Environment) -> Environment:
        """Return the environment with the settings that this release was deployed with."""
        settings = {**env.settings, **self.settings}
        if self.of("certificates"):
            settings[SHARED] = "on"
        return replace(env, settings=MappingProxyType(settings))

    def to_json(self) -> str:
        """Return the record without the settings, which are kept as a label of it.

        An older Slipway fails on a record with a field that it does not know.
        """
        document = asdict(self)
        del document["settings"]
        return json.dumps(document, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Release":
        """Read a record. Raises one of `errors.UNREADABLE` for what is none."""
        document: dict[str, Any] = json.loads(text)
        services = document["services"]
        texts = ("commit", "migration_head", "fingerprint", "created", "by")
        if not all(isinstance(document.get(name, ""), str) for name in texts):
            raise TypeError
        for mapping in (document[name] for name in ("images", "tags", "identities", "secrets")):
            if not all(isinstance(value, str) for value in mapping.values()):
                raise TypeError
        if not all(isinstance(service["spec"], dict) for service in services):
            raise TypeError
        document["number"] = int(document["number"])
        document["services"] = tuple(Service(**service) for service in services)
        release = cls(**document)
        release.routes  # noqa: B018  which may be of another shape
        return release
