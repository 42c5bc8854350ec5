"""YAML files of the project; whatever is wrong with one is a sentence that names its line."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.errors import ConfigError, first_line
from slipway.text_file import read_utf8

MERGE = "tag:yaml.org,2002:merge"
NUMBER = "a number"
UNFIT = (ValueError, LookupError, AttributeError)  # what PyYAML lets out for `!!int x`, `!!bool x`

if TYPE_CHECKING:
    from yaml import Node, ScalarNode


def read_yaml(path: Path, name: str) -> Any:
    """Read a file that a person edits; None for an empty one.

    Raises FileNotFoundError, and ConfigError, which calls it `name`.
    A key that stands twice is refused: YAML would take the last, and nobody sees which that is.
    So is a number that YAML reads otherwise than it is written.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    return parse_yaml(read_utf8(path, name), name)


def parse_yaml(text: str, name: str) -> Any:
    """Read the text of such a file."""
    import yaml

    try:
        try:
            return yaml.load(text, Loader=_quick_loader())  # noqa: S506  a safe one
        except (yaml.YAMLError, *UNFIT):
            return yaml.load(text, Loader=_loader())  # noqa: S506  a safe one
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        is_not = "" if error.context == NUMBER else " is not YAML"
        raise ConfigError(f"{name}{is_not}: {line}{error.problem or error.context}") from None
    except RecursionError:
        raise ConfigError(f"{name} is not YAML that anybody reads: it is nested too deep") from None
    except (yaml.YAMLError, ValueError) as error:  # the second for a date or number that is none
        raise ConfigError(f"{name} is not YAML: {first_line(error)}") from None
    except UNFIT:
        raise ConfigError(f"{name} is not YAML: a value does not fit its tag, as !!int") from None


def compose_strings(text: str) -> "Node | None":
    """Read a text as nodes, every value a string. Raises YAMLError, in PyYAML's own words."""
    import yaml

    try:
        return yaml.compose(text, Loader=_quick_strings())
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.BaseLoader)


@functools.cache
def _loader() -> Any:
    import yaml

    return _strict(yaml.SafeLoader)


@functools.cache
def _quick_loader() -> Any:
    import yaml

    return _strict(_composing(yaml.CSafeLoader) if yaml.__with_libyaml__ else yaml.SafeLoader)


@functools.cache
def _quick_strings() -> Any:
    import yaml

    return _composing(yaml.CBaseLoader) if yaml.__with_libyaml__ else yaml.BaseLoader


def _composing(loader: Any) -> Any:
    """Return a loader of libyaml, which reads several times as fast as PyYAML's own, with PyYAML's
    composer: libyaml's knows no limit of depth. What it refuses PyYAML's own is asked about, whose
    words are known.
    """
    import yaml

    class Loader(yaml.composer.Composer, loader):  # type: ignore[misc]
        def __init__(self, stream: str) -> None:
            loader.__init__(self, stream)
            yaml.composer.Composer.__init__(self)

    return Loader


def _strict(loader: Any) -> Any:
    """Return a loader that refuses a key that stands twice, and a number that is read otherwise."""
    import yaml

    class Loader(loader):  # type: ignore[misc]
        def construct_mapping(self, node: "Node", deep: bool = False) -> Any:
            seen: set[str] = set()
            for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
                if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                    if key.value in seen:
                        problem = f"{key.value[:60]} is there twice"
                        raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                    seen.add(key.value)
            return super().construct_mapping(node, deep)

        def construct_number(self, node: "ScalarNode") -> int | float:
            """Refuse 010, which is 8, 12:30, 1_000 and 1.10, which a person means as written."""
            is_int = node.tag.endswith(":int")
            value = self.construct_yaml_int(node) if is_int else self.construct_yaml_float(node)
            if str(value) != node.value:
                reading = f"{node.value[:60]} is {value} to YAML"
                problem = f'{reading}; write {value}, or "{node.value[:60]}" in quotes'
                raise yaml.constructor.ConstructorError(NUMBER, None, problem, node.start_mark)
            return float(value) if not is_int else int(value)

    for kind in ("int", "float"):
        Loader.add_constructor(f"tag:yaml.org,2002:{kind}", Loader.construct_number)
    return Loader
