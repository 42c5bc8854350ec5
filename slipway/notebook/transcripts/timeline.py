"""The picture of a run: a row for each action, a bar for each attempt, a thin line for waiting."""

import bisect
import datetime
import html
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slipway.notebook.transcripts.ansi import visible
from slipway.notebook.transcripts.attempts import Attempt, Happening, RunHistory, span

ROW, BAR, TEXT, TOP = 38, 10, 15, 4  # pixels; across, everything is in per cent of the width
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400)
TICKS = 4
MARKS: Mapping[str, str] = {
    "passed": "✓",
    "skipped": "»",
    "failed": "✗",
    "timed out": "!",
    "interrupted": "■",
    "may have run": "?",
}


@dataclass(frozen=True)
class Scale:
    """From moments to per cent; the time when nobody was at work is drawn short."""

    moments: tuple[float, ...]  # seconds since the run began
    places: tuple[float, ...]  # in per cent
    breaks: tuple[tuple[float, float], ...]  # begin and end, in seconds

    def at(self, seconds: float) -> float:
        """Return where a moment lies."""
        i = min(max(bisect.bisect_right(self.moments, seconds), 1), len(self.moments) - 1)
        begin, end = self.moments[i - 1 : i + 1]
        part = (seconds - begin) / (end - begin) if end > begin else 0.0
        return self.places[i - 1] + part * (self.places[i] - self.places[i - 1])


def draw(history: RunHistory, titles: Mapping[str, str]) -> str:
    """Return the picture as SVG; `titles` gives each action's name in the order of the runbook."""
    rows: dict[str, list[Happening]] = {}
    for each in history.happenings:
        if each.cell and (isinstance(each, Attempt) or each.standing):
            rows.setdefault(each.cell, []).append(each)
    if not rows:
        return ""
    scale = scaled(history)
    top = TOP + (16 if scale.breaks else 0)  # room for how long each break was
    drawn = [
        _row(history, scale, top + i * ROW, titles.get(cell, cell), happenings)
        for i, (cell, happenings) in enumerate(rows.items())
    ]
    bottom = top + len(rows) * ROW
    described = "; ".join(
        f"{titles.get(cell, cell)}: {history.actions.get(cell, '')}" for cell in rows
    )
    return (
        f'<svg class="timeline" role="img" aria-labelledby="timeline-title timeline-words"'
        f' width="100%" height="{bottom + 22}" xmlns="http://www.w3.org/2000/svg">'
        '<title id="timeline-title">What ran when</title>'
        f'<desc id="timeline-words">{_text(described)}</desc>'
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><rect class="hatch-ground" width="6" height="6"/>'
        '<rect class="hatch-line" width="2.5" height="6"/></pattern></defs>'
        f"{_axis(history, scale, top, bottom)}{''.join(drawn)}</svg>"
    )


def scaled(history: RunHistory) -> Scale:
    """Measure the run; a break longer than all the rest together becomes as long as a tenth."""
    total = max((history.ended - history.began).total_seconds(), 0.001)
    breaks = [(_since(history, begin), _since(history, end)) for begin, end in history.breaks]
    worked = total - sum(end - begin for begin, end in breaks)
    short = max(worked, 1.0) / 10
    breaks = [each for each in breaks if each[1] - each[0] > short]
    moments = sorted({0.0, total, *(moment for each in breaks for moment in each)})
    places = [0.0]
    for begin, end in itertools.pairwise(moments):
        places.append(places[-1] + (short if (begin, end) in breaks else end - begin))
    whole = places[-1]
    return Scale(tuple(moments), tuple(100 * each / whole for each in places), tuple(breaks))


def _row(
    history: RunHistory, scale: Scale, top: int, title: str, happenings: Sequence[Happening]
) -> str:
    standing = history.actions.get(happenings[-1].cell, "may have run")
    seconds = sum(each.seconds for each in happenings if isinstance(each, Attempt))
    took = span(seconds) if seconds else ("by hand" if standing == "passed" else standing)
    tries = sum(isinstance(each, Attempt) for each in happenings)
    took = f"{tries} attempts, {took}" if tries > 1 else took
    label = visible(title) if len(title) <= 36 else visible(title[:35]) + "…"
    parts = [
        f'<text class="sign {_class(standing)}" x="0" y="{top + 12}">{MARKS[standing]}</text>',
        f'<text x="18" y="{top + 12}">{_text(label)}</text>',
        f'<text class="quiet" x="100%" y="{top + 12}" text-anchor="end">{_text(took)}</text>',
        f'<rect class="track" x="0" y="{top + TEXT + 3}" width="100%" height="{BAR}" rx="2"/>',
    ]
    for each in happenings:
        begin = each.began if isinstance(each, Attempt) else each.at
        left, right = (scale.at(_since(history, at)) for at in (each.waited_since, begin))
        middle = top + TEXT + 3 + BAR / 2
        is_wait = not isinstance(each, Attempt) or each.by
        right = right if isinstance(each, Attempt) else _inside(right)
        if is_wait and right - left > 0.3:
            parts.append(
                f'<line class="wait" x1="{left:.2f}%" x2="{right:.2f}%"'
                f' y1="{middle}" y2="{middle}"/>'
            )
        parts.append(_bar(history, scale, each, top + TEXT + 3))
    return "".join(parts)


def _bar(history: RunHistory, scale: Scale, each: Happening, y: float) -> str:
    if isinstance(each, Attempt):
        left = scale.at(_since(history, each.began))
        right = scale.at(_since(history, each.ended or each.began))
        width = max(right - left, 0.8)
        name = f"{each.standing}, {span(each.seconds)}"
        return (
            f'<rect class="bar {_class(each.standing)}" x="{min(left, 100 - width):.2f}%" y="{y}"'
            f' width="{width:.2f}%" height="{BAR}" rx="2"><title>{_text(name)}</title></rect>'
        )
    place = _inside(scale.at(_since(history, each.at)))
    return (
        f'<circle class="bar {_class(each.standing or "")}" cx="{place:.2f}%" cy="{y + BAR / 2}"'
        f' r="{BAR / 2}"><title>{_text(each.text)}</title></circle>'
    )


def _axis(history: RunHistory, scale: Scale, top: float, bottom: float) -> str:
    """Mark the beginning, the end, round moments between them, and each break."""
    total = scale.moments[-1]
    step = next((each for each in STEPS if total / each <= TICKS), total)
    ticks = [0.0, *(n * step for n in range(1, TICKS) if not scale.breaks), total]
    parts, last = [], -100.0
    for seconds in ticks:
        place = scale.at(seconds)
        if seconds != total and (place - last < 20 or (seconds and place > 78)):
            continue
        last = place
        anchor = "start" if seconds == 0 else "end" if seconds == total else "middle"
        at = history.clock(history.began + datetime.timedelta(seconds=seconds))
        parts.append(
            f'<line class="tick" x1="{place:.2f}%" x2="{place:.2f}%" y1="{top}" y2="{bottom}"/>'
            f'<text class="quiet" x="{place:.2f}%" y="{bottom + 15}" text-anchor="{anchor}">'
            f"{at}</text>"
        )
    for begin, end in scale.breaks:
        left, right = scale.at(begin), scale.at(end)
        parts.append(
            f'<rect class="break" x="{left:.2f}%" y="{TOP}" width="{right - left:.2f}%"'
            f' height="{bottom - TOP}"><title>nobody at work</title></rect>'
            f'<text class="quiet" x="{(left + right) / 2:.2f}%" y="{TOP + 12}"'
            f' text-anchor="middle">{span(end - begin)}</text>'
        )
    return "".join(parts)


def _inside(place: float) -> float:
    """Keep a dot within the picture, on a phone too."""
    return min(max(place, 1.5), 98.5)


def _since(history: RunHistory, at: datetime.datetime) -> float:
    return (at - history.began).total_seconds()


def _class(standing: str) -> str:
    return standing.replace(" ", "-")


def _text(text: str) -> str:
    return html.escape(visible(text))
