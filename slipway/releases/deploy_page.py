"""The log of a deploy as one HTML page that needs nothing else: opens offline, prints well."""

import html
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slipway.notebook.transcripts.page import POLICY, STYLE
from slipway.releases.commit import short
from slipway.releases.deploy_log import LoggedDeploy, LoggedStep

OWN_STYLE = Path(__file__).with_name("deploy_page.css")
ROW, BAR, LABEL = 26, 12, 150  # pixels; a bar's place is in per cent of what is right of the names
MOST_NOTES = 400
SIGNS: Mapping[str, str] = {"done": "✓", "failed": "✗", "interrupted": "■", "unfinished": "?"}


def make(deploy: LoggedDeploy) -> str:
    """Return the page of a deploy."""
    facts, end = deploy.facts, deploy.end
    command = "rollback" if facts.get("command") == "rollback" else "deploy"
    title = f"{command} of release {facts.get('release')} to {facts.get('env')}"
    result = str(end.get("result") or "the log ends before it did")
    style = STYLE.read_text() + OWN_STYLE.read_text()
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}: {_text(result)}</title>\n<style>\n{style}\n</style>\n"
        f'</head>\n<body>\n<main class="deploy">\n<h1>{_text(title)}</h1>\n'
        f"{_summary(deploy, result)}{_picture(deploy)}{_figures(end)}"
        f"{_listing('What changed', facts.get('changes'))}"
        f"{_listing('Commits', facts.get('commits'))}{_notes(deploy)}"
        "</main>\n</body>\n</html>\n"
    )


def _summary(deploy: LoggedDeploy, result: str) -> str:
    facts, end = deploy.facts, deploy.end
    at = datetime.fromtimestamp(deploy.at, UTC)
    cutover = end.get("cutover_seconds")
    rows = {
        "result": result,
        "began": f"{at:%Y-%m-%d %H:%M:%S} UTC",
        "took": f"{deploy.seconds:.1f} s",
        "cutover": f"{cutover * 1000:.0f} ms until every edge had acknowledged" if cutover else "",
        "by": facts.get("by"),
        "commit": short(str(facts.get("commit", ""))),
        "before": facts.get("before"),
        "machines": ", ".join(facts.get("machines") or ()),
        "why": end.get("reason"),
    }
    kind = "good" if result == "live" else "bad"
    cells = "".join(
        f"<dt>{name}</dt><dd{_class(kind if name == 'result' else '')}>{_text(value)}</dd>"
        for name, value in rows.items()
        if value
    )
    return f'<dl class="facts">{cells}</dl>\n'


def _picture(deploy: LoggedDeploy) -> str:
    """Draw a row for each step, and a line where the edges moved."""
    steps, whole = deploy.steps, max(deploy.seconds, 0.001)
    if not steps:
        return ""
    height = len(steps) * ROW
    rows = "".join(_row(step, index * ROW, whole) for index, step in enumerate(steps))
    line = ""
    for step in steps:
        if step.name == "cut over" and step.result == "done":
            place = 100 * step.ended / whole
            line = (
                f'<line class="cutover" x1="{place:.2f}%" x2="{place:.2f}%" y1="0" y2="{height}"/>'
            )
    described = "; ".join(f"{one.name}: {one.ended - one.began:.1f} s" for one in steps)
    names = "".join(
        f'<li class="{one.result}"><b>{SIGNS[one.result]}</b> {_text(one.name)}'
        f"<i>{one.ended - one.began:.1f} s</i></li>"
        for one in steps
    )
    return (
        f'<figure class="steps"><ol>{names}</ol>'
        f'<svg role="img" aria-label="What ran when" width="100%" height="{height}" '
        f'xmlns="http://www.w3.org/2000/svg"><desc>{_text(described)}</desc>{rows}{line}</svg>'
        "</figure>\n<p class='legend'>A bar: a step ran. The line: from here on users meet the new "
        "release. Pale: it was rolled back.</p>\n"
    )


def _row(step: LoggedStep, top: float, whole: float) -> str:
    left = 100 * step.began / whole
    width = max(100 * (step.ended - step.began) / whole, 0.4)
    kind = f"{step.result} undone" if step.is_undone else step.result
    text = f"{step.name}: {step.text} ({step.ended - step.began:.1f} s)"
    y = top + (ROW - BAR) / 2
    return (
        f'<rect class="track" x="0" y="{y}" width="100%" height="{BAR}" rx="3"/>'
        f'<rect class="bar {kind}" x="{min(left, 100 - width):.2f}%" y="{y}" width="{width:.2f}%" '
        f'height="{BAR}" rx="3"><title>{_text(text)}</title></rect>'
    )


def _figures(end: Mapping[str, Any]) -> str:
    """Show what the edges counted of both releases, side by side: while a canary ran, and before
    the cutover and since."""
    tables = [
        _both(title, [(name, end[key][name]) for name in names])
        for key, title, names in (
            ("canary", "Requests during the canary", ("serving", "canary")),
            ("figures", "Requests around the cutover", ("before", "since")),
        )
        if end.get(key)
    ]
    return "".join(tables)


def _both(title: str, counted: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{name}</th><td>{one.get('requests', 0)}</td>"
        f"<td>{one.get('errors', 0)}</td><td>{_latency(one.get('within') or {})}</td></tr>"
        for name, one in counted
    )
    return (
        f"<h2>{title}</h2>\n<table class='figures'><thead><tr><th></th>"
        "<th>requests</th><th>errors (5xx)</th><th>began within</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>\n"
    )


def _latency(within: Mapping[str, int]) -> str:
    """Draw which share of the answers began within which time, a bar for each."""
    bounds = sorted((float(bound), count) for bound, count in within.items())
    total = bounds[-1][1] if bounds else 0
    if not total:
        return ""
    bars, below = [], 0
    for bound, count in bounds:
        share = (count - below) / total
        below = count
        label = "longer" if bound == float("inf") else f"{bound * 1000:g} ms"
        if share:
            bars.append(f'<span style="flex-grow: {share:.4f}" title="{share:.1%}">{label}</span>')
    return f'<div class="latency">{"".join(bars)}</div>'


def _listing(title: str, lines: Sequence[str] | None) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f"<h2>{title}</h2>\n<ul>{items}</ul>\n"


def _notes(deploy: LoggedDeploy) -> str:
    def rows() -> Iterator[str]:
        for at, step, text in deploy.notes[-MOST_NOTES:]:
            yield f"<tr><td>{at:.1f} s</td><td>{_text(step)}</td><td>{_text(text)}</td></tr>"

    if not deploy.notes:
        return ""
    return (
        f"<details><summary>All {len(deploy.notes)} lines of the log</summary>\n"
        f'<table class="log"><tbody>{"".join(rows())}</tbody></table></details>\n'
    )


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _text(value: object) -> str:
    return html.escape(str(value))
