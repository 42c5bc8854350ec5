"""What the images of an environment hold, written down, and what of it has known holes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slipway import whole_file
from slipway.environments.environment import Environment
from slipway.errors import Refused, SlipwayError
from slipway.hosts.local import LocalHost
from slipway.images import contents, sources
from slipway.images.contents import Hole
from slipway.images.sources import Image
from slipway.progress import Reporter
from slipway.project import STATE
from slipway.releases import application, image_tags

FOLDER = STATE / "sbom"


@dataclass(frozen=True)
class ScanReport:
    """What was found: bills of materials, holes, and what a scanner printed."""

    folder: Path
    scanner: str  # nothing where the distributions' own data was asked
    services: Sequence[str]
    holes: Sequence[Hole]
    outputs: Sequence[str]
    unseen: Sequence[str]  # why an image could not be judged, which is no better than a hole

    @property
    def is_clean(self) -> bool:
        return not (self.holes or self.outputs or self.unseen)


def run(env: Environment, reporter: Reporter, folder: Path = FOLDER) -> ScanReport:
    """Look at the images of this checkout, which have to be built. Raises Refused."""
    host, program = LocalHost(), contents.scanner()
    images = _images(env, host)
    folder.mkdir(parents=True, exist_ok=True)
    holes: list[Hole] = []
    outputs: list[str] = []
    unseen: list[str] = []
    for service, image in images.items():
        reporter.note(f"looking at {service}")
        try:
            bill = contents.bill(image, contents.look(host, image))
            whole_file.write(folder / f"{service}.cdx.json", contents.as_text(bill))
            if not program:
                holes += contents.holes(host, service, image)
                continue
            is_clean, text = contents.scan(host, image, program)
            outputs += [] if is_clean else [f"{service}:\n{text}"]
        except SlipwayError as error:
            unseen.append(str(error))
    return ScanReport(folder, program, list(images), holes, outputs, unseen)


def _images(env: Environment, host: LocalHost) -> dict[str, Image]:
    """Find the images by the first service that runs each."""
    app = image_tags.marked(application.read(env), host)
    tags = image_tags.read(app, host)
    known = sources.inspect(host, sorted(set(tags.values())))
    if missing := sorted(set(tags.values()) - known.keys()):
        raise Refused(f"no image {missing[0]} on this computer; build it: inv deploy --env=dev")
    first: dict[str, str] = {}
    for service, tag in sorted(tags.items()):
        first.setdefault(tag, service)
    return {service: known[tag] for tag, service in first.items()}
