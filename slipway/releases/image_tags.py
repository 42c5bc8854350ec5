"""Which image each service of a release runs, by the tag it has on this computer."""

from collections.abc import Callable, Mapping, Sequence

from slipway.errors import ConfigError
from slipway.hosts.host import Host
from slipway.images import dockerfile, sources
from slipway.images.references import plain
from slipway.releases.application import Application, Service

Makers = dict[str, list[str]]  # the services that build an image, by its name


def read(
    app: Application, host: Host, pull: Callable[[Sequence[str]], None] = lambda names: None
) -> dict[str, str]:
    """Name an image by the content that it is built from, or as the compose files have it.

    `pull` gets the images from elsewhere that are not here: a base that is missing could not be
    told from a newer one, and one commit would name two images on two computers.
    Raises ConfigError where an image needs one of another service that no build can have yet.
    """
    bases = {b.service: dockerfile.bases_of(b.dockerfile, b.args, b.target) for b in app.builds}
    makers: Makers = {}
    for build in app.builds:
        makers.setdefault(plain(build.image), []).append(build.service)
    foreign = {s.image for s in app.services if plain(s.image) not in makers}
    elsewhere = foreign.union(*bases.values())
    known = sources.inspect(host, sorted(elsewhere))
    if absent := sorted(elsewhere - known.keys()):
        pull(absent)
        known |= sources.inspect(host, absent)
    tags: dict[str, str] = {}
    for build in app.builds:
        names = bases[build.service]
        ids = [known[name].id if name in known else name for name in names]
        tags[build.service] = sources.tag(build, " ".join(ids))
    for service, names in bases.items():
        _refuse_built(service, names, makers)
    return {s.name: tags.get(s.name) or _tag_of(s, makers, tags) for s in app.services}


def _refuse_built(service: str, bases: list[str], makers: Makers) -> None:
    for name in bases:
        if service not in makers.get(name, [service]):
            raise ConfigError(
                f"compose.yml: services.{service}.build: its Dockerfile needs {name}, which "
                f"services.{makers[name][0]} builds; write both as stages of one Dockerfile, and "
                "choose with build.target"
            )


def _tag_of(service: Service, makers: Makers, tags: Mapping[str, str]) -> str:
    """Name the image of a service without a build: another service's, or one from elsewhere."""
    names = makers.get(plain(service.image), [])
    built = {tags[name] for name in names}
    if len(built) > 1:
        raise ConfigError(
            f"compose.yml: services.{service.name}.image: {service.image} is built in different "
            f"ways by services {' and '.join(names)}; give their images different names"
        )
    return built.pop() if built else service.image
