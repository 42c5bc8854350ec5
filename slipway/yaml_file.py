"""YAML files of the project; whatever is wrong with one is a sentence that names its line."""

from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.errors import ConfigError, first_line
from slipway.text_file import read_utf8

MERGE = "tag:yaml.org,2002:merge"
NUMBER = "a number"

if TYPE_CHECKING:
    from yaml import MappingNode, SafeLoader, ScalarNode


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


def _loader() -> "type[SafeLoader]":
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: "MappingNode", deep: bool = False) -> dict[Hashable, Any]:
            seen: set[str] = set()
            for key, _ in node.value:
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
