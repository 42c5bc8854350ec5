"""The text of an inventory: changed entry by entry, so that what people wrote beside them stays."""

import io
from collections.abc import Mapping
from typing import Any

Entries = Mapping[str, Mapping[str, str | int]]


def changed(text: str, entries: Entries) -> str:
    """Return the text with exactly these entries; comments and the order of the others stay."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 10_000
    document = yaml.load(text)
    if document is None:  # comments alone: nothing would hold them
        return text + changed("{}\n", entries)
    document.fa.set_block_style()
    for name in [name for name in document if name not in entries]:
        del document[name]
    for name, values in entries.items():
        entry = document.setdefault(_plain(name), CommentedMap())
        for key in [key for key in entry if key not in values]:
            del entry[key]
        for key, value in values.items():
            if entry.get(key) != value:
                entry[key] = _plain(value)
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _plain(value: str | int) -> Any:
    """Put into quotes what YAML 1.1, which the file is read as, takes for no text: on, no, 1:30."""
    import yaml
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, str) and yaml.safe_load(value) != value:
        return DoubleQuotedScalarString(value)
    return value
