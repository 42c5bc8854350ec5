"""What edges ask services: whether they answer as they should, seen from where users come from."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from slipway import shell_scripts
from slipway.edge.edges import INSIDE, POLL
from slipway.edge.preview import PORT, TRY, Preview
from slipway.errors import HostError, last_line
from slipway.hosts import parallel
from slipway.hosts.host import MINUTES, Host

ASK = shell_scripts.read(__file__, "questions_ask.sh")
WELL = "200-299"
LONGEST_REST = 2.0
AWAY = re.compile(r"(?:HTTP/\S+|:) 50[234]\b")  # what an edge answers for a service not reached
A_TRIAL = 0.2  # seconds that one of a route may take, on a busy machine


class NotReady(HostError):
    """A service does not answer as it should; `service` is what the network calls it."""

    def __init__(self, host: str, message: str, service: str) -> None:
        super().__init__(host, message)
        self.service = service


@dataclass(frozen=True)
class Question:
    """An address and the statuses that are an answer, `200-299,404-404`.

    Without statuses it is `host:port`, and a connection is enough. `service` is whom it goes to,
    `advice` for whoever reads that the answer was another.
    """

    service: str
    address: str
    statuses: str = WELL
    advice: str = ""


def ask(
    app: str,
    hosts: Sequence[Host],
    questions: Sequence[Question],
    patience: float,
    preview: Preview | None = None,
) -> None:
    """Have the edge of every machine ask, until each question is answered.

    Names reach the other machines a moment after a task is healthy, each replica by itself, hence
    the patience, also with a route whose service is away. The edge then serves a preview to itself,
    and asks each of its routes; what it serves to others is not touched. Raises NotReady with the
    last answer, HostError for a route that is not answered.
    """
    deadline = time.monotonic() + patience
    argv = command(app, questions, is_previewed=preview is not None)
    document, count = (preview.document, preview.count) if preview else (b"", 0)

    def one(host: Host) -> None:
        rest = POLL
        while True:
            longest = 2 * MINUTES + count * A_TRIAL
            result = host.run(argv, stdin=document, timeout=longest, check=False)
            if result.code == 0:
                return
            output = last_line(result.err or result.out or f"it ended with {result.code}")
            error = _explain(host.name, output, questions)
            is_final = False
            if preview and not isinstance(error, NotReady):
                error = HostError(host.name, f"seen from the edge, {output}")
                is_final = not AWAY.search(output)
            if is_final or time.monotonic() > deadline:
                raise error
            time.sleep(rest)
            rest = min(2 * rest, LONGEST_REST)  # its log is not to hold our questions alone

    if questions or preview:
        parallel.each(hosts, one)


def command(app: str, questions: Sequence[Question], *, is_previewed: bool = False) -> list[str]:
    """Return what has the edge of a machine ask once; it ends with 0 where each is answered."""
    text, words = ASK, [word for each in questions for word in (each.address, each.statuses)]
    if is_previewed:
        text, words = f"{ASK}\n{TRY}", [*words, "--", str(PORT)]
    return ["sh", "-euc", INSIDE, "sh", app, "edge", text, *words]


def _explain(host: str, output: str, questions: Sequence[Question]) -> HostError:
    number, tab, answer = output.partition("\t")
    if not tab or not number.isdecimal() or int(number) >= len(questions):
        return HostError(host, f"the edge could not ask: {output}")
    question = questions[int(number)]
    text = f"seen from the edge, {question.address}: {answer}"
    advice = f"; {question.advice}" if question.advice else ""
    return NotReady(host, text + advice, question.service)
