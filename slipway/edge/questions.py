"""What edges ask services: whether they answer as they should, seen from where users come from."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from slipway import shell_scripts
from slipway.edge.edges import INSIDE, POLL
from slipway.errors import HostError, last_line
from slipway.hosts import parallel
from slipway.hosts.host import Host

ASK = shell_scripts.read(__file__, "questions_ask.sh")
WELL = "200-299"
LONGEST_REST = 2.0


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


def ask(app: str, hosts: Sequence[Host], questions: Sequence[Question], patience: float) -> None:
    """Have the edge of every machine ask, until each question is answered.

    Names reach the other machines a moment after a task is healthy, hence the patience.
    Raises NotReady with the last answer.
    """
    deadline = time.monotonic() + patience
    words = [word for each in questions for word in (each.address, each.statuses)]

    def one(host: Host) -> None:
        rest = POLL
        while True:
            result = host.run(["sh", "-euc", INSIDE, "sh", app, ASK, *words], check=False)
            if result.code == 0:
                return
            if time.monotonic() > deadline:
                output = last_line(result.err or result.out or f"it ended with {result.code}")
                raise _explain(host.name, output, questions)
            time.sleep(rest)
            rest = min(2 * rest, LONGEST_REST)  # its log is not to hold our questions alone

    if questions:
        parallel.each(hosts, one)


def _explain(host: str, output: str, questions: Sequence[Question]) -> HostError:
    number, tab, answer = output.partition("\t")
    if not tab or not number.isdecimal() or int(number) >= len(questions):
        return HostError(host, f"the edge could not ask: {output}")
    question = questions[int(number)]
    text = f"seen from the edge, {question.address}: {answer}"
    advice = f"; {question.advice}" if question.advice else ""
    return NotReady(host, text + advice, question.service)
