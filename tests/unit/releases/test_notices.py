"""Who is told of a deploy, in each receiver's own form; and that telling changes nothing."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from slipway.errors import ConfigError
from slipway.releases import notices
from slipway.releases.notices import FORGES, Notice, Notices, Receiver
from tests.fakes.reporter import RecordingReporter

LIVE = Notice("live", "shop", "prod", 7, "c0ffee1" * 5 + "+dirty", "anna@laptop", 12.3)
FAILED = replace(LIVE, result="rolled back", reason="api is <not> healthy @everyone")


class Ear(BaseHTTPRequestHandler):
    """Hears what is posted and answers what it is told to."""

    heard: list[tuple[str, dict[str, str], bytes]]
    answer = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((self.path, dict(self.headers), body))
        self.send_response(self.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tests stay silent."""


@pytest.fixture
def ear() -> Iterator[tuple[type[Ear], str]]:
    handler = type("Ear", (Ear,), {"heard": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield handler, f"http://127.0.0.1:{server.server_port}/top-secret"
        server.shutdown()


def test_channels_are_told_in_their_own_form(ear: tuple[type[Ear], str]) -> None:
    handler, url = ear
    reporter = RecordingReporter()
    receivers = [Receiver(kind, f"{url}/{kind}") for kind in ("slack", "discord", "ntfy", "json")]
    Notices(receivers, reporter).send(FAILED)
    heard = {path.rpartition("/")[2]: (headers, body) for path, headers, body in handler.heard}
    sentence = "shop prod: release 7 (c0ffee1) was not deployed (rolled back), by anna@laptop: "
    assert json.loads(heard["slack"][1]) == {
        "text": f"{sentence}api is &lt;not&gt; healthy @everyone"
    }
    discord = json.loads(heard["discord"][1])
    assert discord["content"] == f"{sentence}api is <not> healthy @everyone"
    assert discord["allowed_mentions"] == {"parse": []}
    headers, body = heard["ntfy"]
    assert (headers["Title"], headers["Priority"]) == ("shop prod: rolled back", "high")
    assert body.decode().startswith(sentence)
    document = json.loads(heard["json"][1])
    assert (document["event"], document["result"], document["release"]) == (
        "deploy",
        FAILED.result,
        7,
    )
    assert reporter.notes == []


@pytest.mark.parametrize(
    ("kind", "path", "field", "state", "failed", "header"),
    [
        (
            "github",
            "/repos/acme/shop/statuses/",
            "context",
            "success",
            "failure",
            ("Authorization", "Bearer t0ken"),
        ),
        (
            "gitlab",
            "/projects/acme%2Fshop/statuses/",
            "name",
            "success",
            "failed",
            ("PRIVATE-TOKEN", "t0ken"),
        ),
    ],
)
def test_a_forge_shows_the_state_beside_the_commit(
    kind: str, path: str, field: str, state: str, failed: str, header: tuple[str, str]
) -> None:
    receiver = Receiver(kind, "https://api.example.com", "t0ken")
    request = FORGES[kind](receiver, LIVE, "forge.example.com", "acme/shop")
    assert request.url == f"https://api.example.com{path}{'c0ffee1' * 5}"
    assert request.headers[header[0]] == header[1]
    document = json.loads(request.body)
    assert (document[field], document["state"]) == ("slipway/prod", state)
    again = json.loads(FORGES[kind](receiver, FAILED, "f", "acme/shop").body)
    assert again["state"] == failed


def test_that_a_deploy_begins_only_the_forge_is_told(ear: tuple[type[Ear], str]) -> None:
    handler, url = ear
    receivers = [Receiver("slack", url)]
    Notices(receivers, RecordingReporter()).send(replace(LIVE, result="begun"))
    assert handler.heard == []


def test_a_notice_that_fails_is_a_note_without_the_address(ear: tuple[type[Ear], str]) -> None:
    handler, url = ear
    handler.answer = 404
    reporter = RecordingReporter()
    away = "http://127.0.0.1:9/top-secret"
    Notices([Receiver("slack", url), Receiver("json", away)], reporter).send(LIVE)
    assert sorted(reporter.notes) == [
        "a notice was not delivered: slack answered 404",
        "a notice was not delivered: the json notice could not be reached (ConnectionRefusedError)",
    ]


def test_the_secret_is_read_line_by_line_and_a_slip_is_named_without_its_content() -> None:
    text = (
        "# ours\nslack https://a.example/x\n\ngithub t0ken\ngitlab t0ken https://g.example/api/v4\n"
    )
    assert notices.parse(text, "secrets/prod.sops.yaml") == [
        Receiver("slack", "https://a.example/x"),
        Receiver("github", "", "t0ken"),
        Receiver("gitlab", "https://g.example/api/v4", "t0ken"),
    ]
    for slip in ("slack top-secret", "teams https://x.example/top-secret", "github", "slack"):
        with pytest.raises(ConfigError, match="DEPLOY_NOTICES: line 2 tells nobody") as caught:
            notices.parse(f"\n{slip}", "secrets/prod.sops.yaml")
        assert "top-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("git@github.com:acme/shop.git", ("github.com", "acme/shop")),
        (
            "https://user@gitlab.example.com/group/sub/shop.git",
            ("gitlab.example.com", "group/sub/shop"),
        ),
        ("ssh://git@gitlab.example.com:2222/acme/shop", ("gitlab.example.com", "acme/shop")),
        ("/srv/git/shop.git", ("", "")),
        ("", ("", "")),
    ],
)
def test_the_repository_is_found_by_where_it_was_cloned_from(
    url: str, place: tuple[str, str]
) -> None:
    assert notices.origin_of(url) == place
