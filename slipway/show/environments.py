"""What is told of environments: where values come from, and what is another in another one."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from slipway.environments.origins import Origin
from slipway.releases.parity import Difference
from slipway.show import table


def origins(values: Iterable[Origin], *, as_json: bool) -> None:
    """Print a row for each setting and secret."""
    rows = [{"name": each.key, "value": each.value, "from": each.source} for each in values]
    table.rows(("name", "from", "value"), rows, as_json=as_json)


def differences(values: Sequence[Difference], first: str, second: str, *, as_json: bool) -> None:
    """Print a row for each difference, those that are not declared first."""
    if as_json:
        table.document([asdict(each) for each in values])
        return
    ordered = sorted(values, key=lambda each: bool(each.reason))
    columns = ("kind", "name", first, second, "reason")
    rows = [
        {
            "kind": each.kind,
            "name": each.name,
            first: each.first or "-",
            second: each.second or "-",
            "reason": each.reason or "! not declared",
        }
        for each in ordered
    ]
    table.rows(columns, rows)
