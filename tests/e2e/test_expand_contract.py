"""A column renamed in two deploys while people write: the worked example of the guide, run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from tests.e2e.checkout import ROOT, Checkout
from tests.e2e.site import PASSWORD

pytestmark = pytest.mark.engine
EXAMPLE = ROOT / "docs" / "examples" / "rename-a-column"
QUERIES = "compose/api/logbook/queries.py"
WORKER = "compose/worker/worker/chores.py"


@dataclass
class Writer:
    """A person who writes, reads back and corrects entries without a pause."""

    url: str
    rounds: int = 0
    wrong: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        with httpx.Client(base_url=self.url, timeout=20) as client:
            person = {"name": "Ada", "email": f"w{id(self)}@example.org", "password": PASSWORD}
            self._expect(client.post("/api/signup", json=person), 201)
            while not self.stopped.is_set():
                self._round(client, f"entry {self.rounds}")
                self.rounds += 1

    def _round(self, client: httpx.Client, text: str) -> None:
        made = self._expect(client.post("/api/entries", json={"title": "t", "text": text}), 201)
        path = f"/api/entries/{made.get('id')}"
        if self._expect(client.get(path), 200).get("text") != text:
            self.wrong.append(f"{path} does not hold what was written")
        better = {"title": "t", "text": f"{text}, corrected"}
        self._expect(client.put(path, json=better), 200)
        if self._expect(client.get(path), 200).get("text") != better["text"]:
            self.wrong.append(f"{path} does not hold what was corrected")

    def _expect(self, answer: httpx.Response, status: int) -> dict[str, object]:
        if answer.status_code != status:
            self.wrong.append(f"{answer.request.method} {answer.request.url}: {answer.status_code}")
            return {}
        return dict(answer.json())


@contextmanager
def writing(url: str, people: int = 3) -> Iterator[list[Writer]]:
    writers = [Writer(url) for _ in range(people)]
    threads = [threading.Thread(target=writer.work) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        yield writers
    finally:
        for writer in writers:
            writer.stopped.set()
        for thread in threads:
            thread.join(60)


def adopt(clone: Checkout, name: str, version: str) -> None:
    text = (EXAMPLE / f"{name}.sql").read_text()
    clone.path(f"compose/migrations/{version}_{name.partition('_')[2]}.sql").write_text(text)


def read_the_new_column(clone: Checkout) -> None:
    """The code of the first release: every statement about entries says body."""
    for old, new in [
        ("SELECT id, title, text, created, updated FROM entries", None),
        ("SELECT id, title, text, created, updated FROM entries", None),
        (
            "INSERT INTO entries (account_id, title, text)",
            "INSERT INTO entries (account_id, title, body)",
        ),
        ("SET title = %(title)s, text = %(text)s", "SET title = %(title)s, body = %(text)s"),
        ("RETURNING id, title, text, created, updated", None),
        ("RETURNING id, title, text, created, updated", None),
    ]:
        clone.replace(QUERIES, old, new or old.replace(" text,", " body AS text,"))
    clone.replace(WORKER, "(account_id, title, text)", "(account_id, title, body)")


def test_a_column_is_renamed_under_load_with_two_colours_alive(
    dev: httpx.Client, clone: Checkout
) -> None:
    url = str(dev.base_url)
    with writing(url) as writers:
        adopt(clone, "1_expand", "20300101000000")
        read_the_new_column(clone)
        clone.commit("Expand: body beside text")
        clone.inv("deploy", "--env=dev").expect()
        adopt(clone, "2_contract", "20300102000000")
        clone.commit("Contract: text is gone")
        clone.inv("deploy", "--env=dev").expect()
    assert [each for writer in writers for each in writer.wrong] == []
    assert min(writer.rounds for writer in writers) > 20
