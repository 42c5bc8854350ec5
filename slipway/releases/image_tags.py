"""Which image each service of a release runs, by the tag it has on this computer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from slipway.errors import ConfigError
from slipway.hosts.host import Host
from slipway.images import sources
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
    bases = _bases(app)
    makers = _makers(app)
    elsewhere = from_elsewhere(app)
    known = sources.inspect(host, elsewhere)
    if absent := [name for name in elsewhere if name not in known]:
        pull(absent)
        known |= sources.inspect(host, absent)
    tags: dict[str, str] = {}
    contents: dict[str, str] = {}  # many services may be built of one folder
    for build in app.builds:
        names = bases[build.service]
        ids = " ".join(known[name].id if name in known else name for name in names)
        alike = repr((replace(build, service="", image=""), ids))
        if alike not in contents:
            contents[alike] = sources.content(build, ids)
        tags[build.service] = sources.named(build, contents[alike])
    for service, names in bases.items():
        _refuse_built(service, names, makers)
    return {s.name: tags.get(s.name) or _tag_of(s, makers, tags) for s in app.services}


def from_elsewhere(app: Application) -> list[str]:
    """List the images that services run or are built on and that nothing here builds."""
    makers = _makers(app)
    foreign = {s.image for s in app.services if plain(s.image) not in makers}
    return sorted(foreign.union(*_bases(app).values()))


def marked(app: Application, host: Host) -> Application:
    """Have what is built with a stand-in carry its mark, also where files alone come from it.

    A label goes from an image to those that begin with it; COPY --from takes none along.
    """
    bases = _bases(app)
    known = sources.inspect(host, sorted(set().union(*bases.values())))
    stand_ins = {name for name, image in known.items() if image.stand_in}
    builds = [
        replace(each, options=(*each.options, "--label", f"{sources.STAND_IN}=true"))
        if stand_ins.intersection(bases[each.service])
        else each
        for each in app.builds
    ]
    return replace(app, builds=tuple(builds))


def _bases(app: Application) -> dict[str, list[str]]:
    known: dict[str, list[str]] = {}  # many services may be built of one folder
    bases: dict[str, list[str]] = {}
    for build in app.builds:
        alike = repr(replace(build, service="", image=""))
        if alike not in known:
            known[alike] = sources.bases(build)
        bases[build.service] = known[alike]
    return bases


def _makers(app: Application) -> Makers:
    makers: Makers = {}
    for build in app.builds:
        makers.setdefault(plain(build.image), []).append(build.service)
    return makers


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
