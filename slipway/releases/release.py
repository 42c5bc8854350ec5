"""The release: everything that is needed to run it again, as one record."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from slipway.releases.application import Service
from slipway.releases.commit import short


@dataclass(frozen=True)
class Release:
    """What was deployed. `images` and `secrets` name contents, not moving tags.

    `images` maps a service to its image by digest, `tags` to the name it has on disk,
    `identities` to what tells two contents apart before anything is built; `secrets` maps a
    key to the versioned Swarm secret that held it.
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

    def of(self, role: str) -> tuple[Service, ...]:
        """Return the services of one role."""
        return tuple(service for service in self.services if service.role == role)

    @property
    def label(self) -> str:
        """How people call it: `release 7 (1f0c2ab)`."""
        return f"release {self.number} ({short(self.commit)})"

    def blank(self) -> "Release":
        """Return what is left when the commit and the number do not count, for comparing."""
        return replace(self, number=0, commit="", images=self.identities)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Release":
        document: dict[str, Any] = json.loads(text)
        document["services"] = tuple(Service(**service) for service in document["services"])
        return cls(**document)
