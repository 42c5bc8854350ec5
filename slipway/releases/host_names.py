"""Names of services that are called otherwise now, in what others say of them."""

import re
from collections.abc import Mapping

# What holds a name alone, not in an address: REDIS_HOST, not DB_TYPE=postgres.
HOLDS_A_NAME = re.compile(r"HOST|SERVER|ADDR|ENDPOINT|BROKER|NODES?$|(?:^|_)URL$", re.IGNORECASE)


def renamed(text: str, names: Mapping[str, str], variable: str = "") -> str:
    """Write new names where a value or a command has an address with an old one."""
    for old, new in names.items():
        if old == new or old not in text:  # a pattern for each pair takes long to make
            continue
        if text == old:
            text = new if HOLDS_A_NAME.search(variable) else text
            continue
        before = r"(?:(?<=//)|(?<=@)|(?<=/dev/tcp/)|(?<=[\s,=(\[\"'])|^)"
        behind = r"(?=:\d|/\d|:\$)"
        text = re.sub(rf"{before}{re.escape(old)}{behind}", new, text)
        text = re.sub(rf"(?:(?<=//)|(?<=@)){re.escape(old)}(?=$|[/?,\"'\s])", new, text)
        text = re.sub(rf"(?<=-h ){re.escape(old)}\b|(?<=--host[= ]){re.escape(old)}\b", new, text)
    return text


def mentions(text: str, name: str, variable: str = "") -> bool:
    """Whether a value or a command has an address with this name."""
    return renamed(text, {name: f"{name}-"}, variable) != text
