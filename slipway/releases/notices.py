"""Who is told of a deploy: a team's channels, programs, and the forge beside the commit."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from slipway import webhook
from slipway.environments.environment import Environment
from slipway.errors import CommandFailed, ConfigError, first_line
from slipway.hosts import git
from slipway.progress import Reporter
from slipway.secrets import encrypted_file, sops

SECRET = "DEPLOY_NOTICES"  # noqa: S105  its name
Result = Literal["begun", "live", "rolled back", "failed", "interrupted"]
# What each forge calls what a deploy came to.
GITHUB: Mapping[Result, str] = {"begun": "pending", "live": "success", "interrupted": "error"}
GITLAB: Mapping[Result, str] = {"begun": "running", "live": "success", "interrupted": "canceled"}
ORIGIN = re.compile(r"(?:ssh://|https?://)?(?:[^@/]+@)?([^:/]+)(?::\d+)?[:/](.+?)(?:\.git)?/?")
LONGEST = 140  # letters of a commit status


@dataclass(frozen=True)
class Notice:
    """What happened. `reason` is one line, of what failed."""

    result: Result
    project: str
    env: str
    release: int
    commit: str
    by: str
    seconds: float = 0.0
    reason: str = ""
    addresses: Sequence[str] = ()

    @property
    def text(self) -> str:
        """Say it in a sentence, as a channel shows it."""
        name = f"release {self.release} ({self.commit[:7]})"
        where = f"{self.project} {self.env}"
        if self.result == "live":
            return f"{where}: {name} serves, by {self.by}, in {self.seconds:.0f} s"
        if self.result == "begun":
            return f"{where}: {name} is being deployed by {self.by}"
        why = f": {self.reason}" if self.reason else ""
        return f"{where}: {name} was not deployed ({self.result}), by {self.by}{why}"


@dataclass(frozen=True)
class Request:
    """A request that tells somebody; `name` is what is said in place of its URL."""

    name: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Receiver:
    """One line of the secret: of which kind, where, and with which token."""

    kind: str
    url: str = ""
    token: str = ""


class Notices:
    """Those who are told of one deploy; a notice that fails is a note, and changes nothing."""

    def __init__(self, receivers: Sequence[Receiver], reporter: Reporter) -> None:
        self._receivers = receivers
        self._reporter = reporter

    def send(self, notice: Notice) -> None:
        """Tell everybody at once; that it begins, only the forge."""
        listeners = [r for r in self._receivers if notice.result != "begun" or r.kind in FORGES]
        if not listeners:
            return
        with ThreadPoolExecutor(len(listeners)) as pool:
            problems = list(pool.map(lambda receiver: _tell(receiver, notice), listeners))
        for problem in filter(None, problems):
            self._reporter.note(f"a notice was not delivered: {problem}")


def of(env: Environment, reporter: Reporter) -> Notices:
    """Read who is told, where the environment's secrets name somebody.

    Raises ConfigError for a line that names nobody.
    """
    path = env.secrets_file
    if not path.is_file() or SECRET not in encrypted_file.lint(path):
        return Notices((), reporter)
    return Notices(parse(sops.read(env)[SECRET].reveal(), f"secrets/{path.name}"), reporter)


def parse(text: str, file: str) -> list[Receiver]:
    """Read the lines of the secret. Raises ConfigError without a line's content."""
    receivers = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        kind, *rest = words
        if kind in CHANNELS and len(rest) == 1 and rest[0].startswith(("https://", "http://")):
            receivers.append(Receiver(kind, rest[0]))
        elif kind in FORGES and len(rest) in (1, 2):
            receivers.append(Receiver(kind, "".join(rest[1:]), rest[0]))
        else:
            raise ConfigError(
                f"{file}: {SECRET}: line {number} tells nobody; write one of {', '.join(CHANNELS)} "
                f"and a URL, or one of {', '.join(FORGES)} and a token"
            )
    return receivers


def _tell(receiver: Receiver, notice: Notice) -> str:
    if receiver.kind in CHANNELS:
        request = CHANNELS[receiver.kind](receiver, notice)
    else:
        host, path = _origin()
        if not path:
            return f"{receiver.kind}: git names no origin"
        request = FORGES[receiver.kind](receiver, notice, host, path)
    return webhook.ask(request.name, request.url, request.headers, request.body)


def _json(name: str, url: str, document: Any, **headers: str) -> Request:
    return Request(name, url, {**webhook.JSON, **headers}, json.dumps(document).encode())


def _generic(receiver: Receiver, notice: Notice) -> Request:
    document = {"event": "deploy", "text": notice.text, **vars(notice)}
    return _json("the json notice", receiver.url, document)


def _slack(receiver: Receiver, notice: Notice) -> Request:
    escaped = notice.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _json("slack", receiver.url, {"text": escaped})


def _discord(receiver: Receiver, notice: Notice) -> Request:
    # Nobody is called by a name that stands in a reason.
    document = {"content": notice.text[:2000], "allowed_mentions": {"parse": []}}
    return _json("discord", receiver.url, document)


def _ntfy(receiver: Receiver, notice: Notice) -> Request:
    is_well = notice.result == "live"
    headers = {
        "Title": f"{notice.project} {notice.env}: {notice.result}",
        "Tags": "white_check_mark" if is_well else "rotating_light",
        "Priority": "default" if is_well else "high",
    }
    return Request("ntfy", receiver.url, headers, notice.text.encode())


def _github(receiver: Receiver, notice: Notice, host: str, path: str) -> Request:
    usual = "https://api.github.com" if host == "github.com" else f"https://{host}/api/v3"
    document = {
        "state": GITHUB.get(notice.result, "failure"),
        "context": f"slipway/{notice.env}",
        "description": notice.text[:LONGEST],
        **({"target_url": notice.addresses[0]} if notice.addresses else {}),
    }
    return _json(
        "github",
        f"{receiver.url or usual}/repos/{quote(path)}/statuses/{_sha(notice)}",
        document,
        Authorization=f"Bearer {receiver.token}",
        Accept="application/vnd.github+json",
    )


def _gitlab(receiver: Receiver, notice: Notice, host: str, path: str) -> Request:
    base = receiver.url or f"https://{host}/api/v4"
    document = {
        "state": GITLAB.get(notice.result, "failed"),
        "name": f"slipway/{notice.env}",
        "description": notice.text[:LONGEST],
        **({"target_url": notice.addresses[0]} if notice.addresses else {}),
    }
    url = f"{base}/projects/{quote(path, safe='')}/statuses/{_sha(notice)}"
    return _json("gitlab", url, document, **{"PRIVATE-TOKEN": receiver.token})


CHANNELS: Mapping[str, Callable[[Receiver, Notice], Request]] = {
    "json": _generic,
    "slack": _slack,
    "discord": _discord,
    "ntfy": _ntfy,
}
FORGES: Mapping[str, Callable[[Receiver, Notice, str, str], Request]] = {
    "github": _github,
    "gitlab": _gitlab,
}


def _sha(notice: Notice) -> str:
    return notice.commit.partition("+")[0]


def _origin() -> tuple[str, str]:
    """Return host and path of the repository that this one was cloned from."""
    try:
        url = git.at().run(["git", "remote", "get-url", "origin"], timeout=20).out.strip()
    except CommandFailed:
        return "", ""
    return origin_of(url)


def origin_of(url: str) -> tuple[str, str]:
    """Return host and path of a repository: `git@github.com:acme/shop.git`."""
    match = ORIGIN.fullmatch(url)
    if match is None or url.startswith(("/", ".", "file:")):
        return "", ""
    return match[1], match[2]


def reason_of(error: BaseException) -> str:
    """Return the line of a failure that a channel is told."""
    return first_line(error) if str(error) else ""
