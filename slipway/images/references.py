"""Which base images the stack names: `image:` of the compose files, FROM of the Dockerfiles."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.errors import ConfigError
from slipway.project import COMPOSE, ROOT

if TYPE_CHECKING:
    from yaml import MappingNode, SafeLoader, ScalarNode, SequenceNode

    ComposedNode = MappingNode | SequenceNode | ScalarNode

VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}|\$(\w+)")
REHEARSAL = ROOT / "slipway" / "machines" / "local" / "Dockerfile"
HOME = ("docker.io/library/", "docker.io/", "index.docker.io/library/", "library/")


def named_images(folder: Path = COMPOSE) -> tuple[str, ...]:
    """List the images that have to come from elsewhere, each once, in order of their names."""
    return tuple(sorted({*_of_compose(folder), *_of_dockerfiles(folder)}))


def rehearsal_images() -> tuple[str, ...]:
    """List the images that machines of the provider `local` start from."""
    return tuple(bases(REHEARSAL.read_text(encoding="utf-8")))


def inputs(folder: Path = COMPOSE) -> list[Path]:
    """List the files whose images are named here."""
    return [*sorted(folder.glob("compose*.yml")), *sorted(folder.glob("*/Dockerfile")), REHEARSAL]


def bases(dockerfile: str) -> list[str]:
    """Return the images that the text of a Dockerfile starts from or copies from."""
    arguments: dict[str, str] = {}
    stages: set[str] = {"scratch"}
    named: list[str] = []
    text = re.sub(r"\\\r?\n", " ", dockerfile)
    for words in (line.split() for line in text.splitlines()):
        match [word.upper() for word in words[:1]]:
            case ["ARG"] if not named:  # only those before the first FROM count in a FROM
                for word in words[1:]:
                    name, _, default = word.partition("=")
                    arguments[name] = default.strip("\"'")
            case ["FROM"]:
                rest = [word for word in words[1:] if not word.startswith("--")]
                named.append(_filled(rest[0], arguments) if rest else "")
                if len(rest) == 3 and rest[1].upper() == "AS":
                    stages.add(rest[2].lower())
            case ["COPY"]:
                named += [word[7:] for word in words if word.startswith("--from=")]
    images = [image for image in named if image and image.lower() not in stages]
    return [plain(image) for image in images if not image.isdigit()]


def plain(reference: str) -> str:
    """Return the short name of an image: postgres:17 for docker.io/library/postgres:17."""
    for prefix in HOME:
        reference = reference.removeprefix(prefix)
    name = reference.rsplit("/", 1)[-1]
    return reference if ":" in name or "@" in name else f"{reference}:latest"


def _of_compose(folder: Path) -> Iterator[str]:
    import yaml

    services: list[Mapping[str, Any]] = []
    built: set[str] = set()
    for path in sorted(folder.glob("compose*.yml")):
        try:
            document = yaml.load(path.read_text(encoding="utf-8"), Loader=_loader())  # noqa: S506
        except yaml.YAMLError as error:
            line = getattr(getattr(error, "problem_mark", None), "line", -1) + 1
            raise ConfigError(f"compose/{path.name}: line {line} is not YAML") from None
        specs = (document or {}).get("services") or {}
        services += [{"name": n, **s} for n, s in specs.items() if isinstance(s, dict)]
    for service in services:
        if "build" in service:
            built |= {service["name"], service.get("image", "")}
    for service in services:
        image = service.get("image", "")
        if image and image not in built and service["name"] not in built:
            yield plain(_filled(image, {}))


def _of_dockerfiles(folder: Path) -> Iterable[str]:
    for path in sorted(folder.glob("*/Dockerfile")):
        yield from bases(path.read_text(encoding="utf-8"))


def _loader() -> "type[SafeLoader]":
    """A safe loader that lets Compose's own tags (!reset, !override) pass."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    def ignore(loader: yaml.SafeLoader, suffix: str, node: "ComposedNode") -> object:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node)
        return loader.construct_scalar(node)

    Loader.add_multi_constructor("!", ignore)
    return Loader


def _filled(text: str, values: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda m: values.get(m[1] or m[3]) or m[2] or "", text)
