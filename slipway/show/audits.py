"""The findings of an audit: a table with the worst first, and under it what mends each."""

from dataclasses import asdict

from slipway.machines.audit.audit import Audit
from slipway.machines.audit.finding import Finding
from slipway.show import table
from slipway.show.writer import say

COLUMNS = ("severity", "machine", "check", "finding")


def show(audit: Audit, *, as_json: bool = False) -> None:
    """Print what was found: for programs a row of each machine, for people one of each finding."""
    if as_json:
        rows = [asdict(each) | {"severity": each.severity.word} for each in audit.findings]
        table.document(rows)
        return
    merged: dict[tuple[str, str, str], list[Finding]] = {}
    for each in audit.findings:
        merged.setdefault((each.check, each.finding, each.remedy), []).append(each)
    table.rows(COLUMNS, [_row(same) for same in merged.values()])
    remedies = dict.fromkeys((check, remedy) for check, _, remedy in merged)
    if remedies:
        say("\nWhat mends it:")
    for check, remedy in remedies:
        say(f"  {check}: {remedy}")
    if not audit.grave:
        say(f"nothing above low on {audit.machines} machine{'s' * (audit.machines != 1)}")


def _row(same: list[Finding]) -> dict[str, str]:
    first = same[0]
    machines = ", ".join(each.machine for each in same)
    return {
        "severity": first.severity.word,
        "machine": machines,
        "check": first.check,
        "finding": first.finding,
    }
