"""compose/routes.yml: what its words mean, and that whatever is wrong is said with its line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from slipway.edge import route_checks, route_entries, route_records, trials
from slipway.edge.routes import Guard, Request, Route, Table, ordered, winner
from slipway.edge.routes_file import Backend, RoutesFile, Surroundings
from slipway.environments import domains
from slipway.errors import ConfigError
from slipway.project import ROOT

NAMES = "shop.example, www.shop.example, old.example, *.shop.example"
SETTINGS = {"DOMAIN": NAMES, "PARTNER": "10.1.0.0/16"}
BACKENDS = {
    "api": Backend(8000),
    "web": Backend(8080),
    "admin": Backend(0),
    "worker": Backend(complaint="services.worker is not on the network edge"),
}
Read = Callable[[str], Table]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a file of routes in staging, beside two labels: /api/* to api and /* to web."""
    folder = tmp_path / "compose"
    (folder / "pages").mkdir(parents=True)
    (folder / "pages/404.html").write_text("<h1>{nothing}</h1>")
    (folder / "robots.txt").write_text("User-agent: *\n")
    (folder / "logo.png").write_bytes(b"\x89PNG\xff")
    for name in ("public", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "public/index.html").write_text("<h1>Home</h1>")
    names = ["dev", "staging", "prod"]
    around = Surroundings("staging", names, SETTINGS, ["STAGING_PASSWORD"], BACKENDS)
    labelled = [Route("/api/*", "api", 8000), Route("/*", "web", 8080)]

    def of(text: str) -> Table:
        path = folder / "routes.yml"
        path.write_text(text)
        file = RoutesFile(path, around)
        entries = route_entries.read(file, labelled)
        route_checks.check(file, entries, domains.split(SETTINGS["DOMAIN"]))
        file.end()
        assert route_records.read(route_records.write(entries.table)) == entries.table
        return entries.table

    return of


def taken(table: Table, path: str, host: str = "shop.example", **about: object) -> Route | None:
    return winner(ordered(table.routes), replace(Request(host, path), **about))  # type: ignore[arg-type]


def test_the_narrower_route_takes_a_request_wherever_it_stands(read: Read) -> None:
    table = read("""
routes:
  - {path: /api/reports/*, methods: [post, PUT], to: admin:9000}
  - {path: /api/reports/*, match_headers: {X-Version: "2"}, to: web}
  - {path: /api/reports/*, to: web}
  - {host: www.shop.example, redirect: "https://shop.example{uri}"}
  - {paths: [/robots.txt, /humans.txt], file: robots.txt}
""")
    admin = taken(table, "/api/reports/1", method="POST")
    assert admin and (admin.name, admin.port) == ("admin", 9000)
    by_header = taken(table, "/api/reports/1", headers={"x-version": "2"})
    assert by_header and by_header.match_headers
    assert (plain := taken(table, "/api/reports")) and plain.name == "web"
    assert (label := taken(table, "/API/orders")) and label.name == "api"
    assert (www := taken(table, "/api/reports/1", "www.shop.example")) and www.redirect
    assert www.location(Request("www.shop.example", "/a/b")) == "https://shop.example/a/b"
    assert (robots := taken(table, "/robots.txt")) and robots.text == "User-agent: *\n"
    assert robots.content_type == "text/plain; charset=utf-8"


def test_a_star_of_a_host_stands_for_names_that_have_no_route_of_their_own(read: Read) -> None:
    table = read("""
routes:
  - {host: "*.shop.example", path: /x, to: api}
  - {host: www.shop.example, path: /x, to: web}
  - {path: /y, redirect: "https://shop.example:8443/y"}
""")
    other, www = taken(table, "/x", "ada.shop.example"), taken(table, "/x", "www.shop.example")
    assert other and www and (other.name, www.name) == ("api", "web")


def test_settings_and_environments_shape_routes(read: Read) -> None:
    table = read("""
defaults: {compress: true, timeout: 2m, trailing_slash: remove}
routes:
  - {host: "www.${DOMAIN}", path: /now, redirect: "https://${DOMAIN}/$${rest}", only: prod}
  - {path: /upload, to: api, max_body: 1 GB, timeout: none, sticky: true, assets: true, cache: none}
  - {path: /old/*, redirect: "/new/{rest}", status: 308}
protect:
  - {path: /hooks/*, public: true}
  - {allow: ["${PARTNER}"], basic_auth: {team: STAGING_PASSWORD}, satisfy: any}
errors: {404: pages/404.html, 5xx: pages/404.html}
""")
    assert len(table.routes) == 4, "prod's is not staging's"
    upload = taken(table, "/upload")
    assert upload and (upload.max_body, upload.timeout, upload.cache) == (10**9, 0, "no-store")
    assert upload.compress and upload.sticky and upload.assets and not upload.trailing_slash
    api = taken(table, "/api/x")
    assert api and (api.compress, api.timeout, api.trailing_slash) == (True, 120, "remove")
    old = taken(table, "/old/a/b")
    assert old and old.location(Request("shop.example", "/old/a/b")) == "/new/a/b"
    assert not old.compress, "what holds for services is nothing to a redirection"
    assert table.guards[0] == Guard(("/hooks/*",), public=True)
    assert table.secrets == ["STAGING_PASSWORD"]
    assert table.pages.keys() == {"404", "5xx"}


def test_a_folder_is_served_by_a_service_of_its_own(read: Read) -> None:
    table = read("""
defaults: {compress: true, trailing_slash: remove, request_headers: {X-Shop: "1"}}
routes:
  - {path: /app/*, static: ../public, fallback: /index.html, cache: 1h}
  - {path: /guide/*, static: ./pages, strip: /guide}
errors: {404: pages/404.html}
""")
    app, guide = taken(table, "/app/orders/7"), taken(table, "/guide")
    assert app and (app.name, app.port, app.is_static) == ("static-public", 8080, True)
    assert app.request_headers == {"X-Static-Fallback": "/index.html"} and app.compress
    assert not app.trailing_slash, "the server of the folder would lead back"
    assert guide and guide.name == "static-pages" and guide.strip == "/guide"
    assert guide.request_headers == {"X-Static-Fallback": None}, "nobody else chooses it"
    assert (app.intercept, guide.intercept) == ((404,), ()), "a folder has the first word on 404"


def test_each_route_is_asked_under_each_name_as_somebody_who_may_come_in(read: Read) -> None:
    table = read("""
routes:
  - {host: www.shop.example, redirect: "https://shop.example{uri}"}
  - {path: /api/*, method: DELETE, to: admin:9000}
protect:
  - {path: /api/*, basic_auth: {team: STAGING_PASSWORD}}
  - {allow: [10.1.0.0/16]}
""").with_names({"api": "api-blue", "web": "web-blue", "admin": "admin-blue"})
    asked = {trial.about: trial for trial in trials.of(table, SETTINGS)}
    answers = {about: trial.answer for about, trial in asked.items()}
    # The last of each guard is a stranger's, who finds no way in.
    assert answers == {
        "shop.example/api/": "401",
        "DELETE shop.example/api/": "200 admin-blue",
        "shop.example/": "403",
        "www.shop.example/": "301 redirect https://shop.example/",
        "old.example/api/": "200 api-blue",
        "DELETE old.example/api/": "200 admin-blue",
        "old.example/": "200 web-blue",
        "slipway-probe.shop.example/api/": "200 api-blue",
        "DELETE slipway-probe.shop.example/api/": "200 admin-blue",
        "slipway-probe.shop.example/": "200 web-blue",
    }
    assert asked["old.example/api/"].account == trials.Account("team", "STAGING_PASSWORD")
    assert asked["old.example/"].client == "10.1.0.0"
    assert asked["shop.example/"].client == "192.0.2.1"


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("{pth: /x, to: api}", "routes[1].pth: unknown word pth (did you mean path?)"),
        ("{path: x, to: api}", "routes[1].path: 'x' is no path; write one, such as /api/*"),
        ("{path: /x, to: apo}", "routes[1].to: there is no service apo (did you mean api?)"),
        ("{path: /x, to: admin}", "services.admin says no slipway.port; add the label, or write"),
        ("{path: /x, to: worker}", "services.worker is not on the network edge"),
        ("{path: /x, to: api:99999}", "99999 is no port"),
        ("{path: /x}", "has no answer; write one of to: a service, redirect: an address"),
        ("{path: /x, to: api, file: robots.txt}", "has to and file; write one of"),
        ("{path: /x, paths: [/y], to: api}", "paths: stands beside path; write one of both"),
        ("{path: /x, to: api, status: 301}", "status: is for a redirect"),
        ("{path: /x, redirect: /y, sticky: true}", "sticky: is for a service; it does nothing"),
        ("{path: /x, to: api, method: FETCH}", "'FETCH' is no method"),
        ("{path: /x, to: api, max_body: 20}", "'20' is no size; write 500KB, 20MB, or none"),
        ("{path: /x, to: api, timeout: 1 week}", "'1 week' is no time; write 30s, 5m, or none"),
        ("{path: /x, to: api, compress: gzip}", "compress: must be true or false"),
        ("{path: /x, to: api, only: stage}", "no environment stage (did you mean staging?)"),
        ("{path: /x/*, to: api, strip: /y}", "strip: /x/* does not begin with /y"),
        ("{path: /x, redirect: '/y/{rest}'}", "{rest} is what the star stands for, and /x ends"),
        ("{path: /x/*, redirect: '/y{rest}'}", "{rest} stands at the end, after a slash"),
        ("{path: /x, redirect: '/{urii}'}", "{urii} is none of {host}, {query}, {rest}, {uri}"),
        ("{path: /x, redirect: //evil.example}", "leads nowhere; begin it with / or https://"),
        ("{path: /x, redirect: '${DOMAN}'}", "there is no setting DOMAN (did you mean DOMAIN?)"),
        ("{path: /x, redirect: '/${STAGING_PASSWORD}'}", "STAGING_PASSWORD is a secret"),
        ("{path: /x, to: api, request_headers: {X-Real-Ip: a}}", "X-Real-Ip is the edge's own"),
        ("{path: /x, file: robot.txt}", "file: there is no file compose/robot.txt"),
        ("{path: /x, file: ../../passwd}", "file: ../../passwd lies outside of the project"),
        ("{path: /x, file: logo.png}", "no text in UTF-8; have a service serve it"),
        ("{path: /x/*, static: ../publik}", "static: there is no folder compose/../publik; if a"),
        ("{path: /x/*, static: ../empty}", "static: compose/../empty is empty"),
        ("{path: /x/*, static: ..}", "static: .. holds compose/ itself, which nobody may read"),
        ("{path: /x/*, static: ../../x}", "static: ../../x lies outside of the project"),
        ("{path: /x/*, static: ../public, fallback: /app.html}", "fallback: there is no /app.html"),
        ("{path: /x/*, static: ../public, timeout: 3s}", "timeout: is for a service; it does"),
        ("{path: /x, to: api, fallback: /a.html}", "fallback: is for static"),
        ("{path: /x, host: other.example, to: api}", "does not answer to other.example; add it"),
        ("{path: /api/*, to: web}", "/api/* is a slipway.route of a compose file already"),
        ("{path: /x, redirect: '{uri}'}", "leads nowhere"),
        ("{path: /x, redirect: 'https://{host}/x'}", "it leads round in a circle"),
        ("{path: /api/x*, methods: [GET], to: web}\n  - {path: /API/X*, method: GET, to: api}",
         "routes.yml:4: routes[2]: /API/X* is in line 3 already"),
        ("{path: /a/../x, to: api}", "'/a/../x' is no path of a request: . and .. are gone"),
        ("{path: /x, to: api, only: []}", "only: is an empty list; leave it out"),
        ("{path: /x, to: api, match_headers: {Host: a}}", "write host: shop.example beside it"),
        ("{path: /x, to: api}\nprotect: [{basic_auth: {}}]", "would let everybody in; write"),
        ("{path: /x, to: api}\nprotect:\n  - {path: /x/*, allow: [10.0.0.1]}\n  - {path: /x/y, "
         + "basic_auth: {team: STAGING_PASSWORD}}", "6: protect[2]: the entry in line 5 decides"),
        ("{path: /x, to: api}, 7", "is not YAML"),
        ("7", "routes[1]: must be words with values"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(read: Read, entry: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(f"# routes\nroutes:\n  - {entry}\n")
    assert complaint in str(raised.value)
    assert str(raised.value).startswith(("compose/routes.yml:", "compose/routes.yml is not"))


def test_everything_that_is_wrong_is_said_at_once(read: Read) -> None:
    with pytest.raises(ConfigError) as raised:
        read("""
route: []
routes:
  - {path: /x, to: apo}
  - {path: y, to: api}
protect:
  - {allow: [10.0.0.1/8]}
  - {basic_auth: {team: STAGING_PASWORD}}
errors: {200: pages/404.html}
""")
    assert [line.partition(": ")[0] for line in str(raised.value).splitlines()] == [
        f"compose/routes.yml:{number}" for number in (2, 4, 5, 7, 8, 9)
    ]


def test_a_route_that_no_request_reaches_is_refused(read: Read) -> None:
    with pytest.raises(ConfigError, match=r":4: .*no request reaches /x to api: /x to web takes"):
        read("""
routes:
  - {path: /x, hosts: [old.example, www.shop.example], to: web}
  - {path: /x, host: old.example, to: api}
""")


def test_the_guides_example_is_one(tmp_path: Path) -> None:
    guide = (ROOT / "docs/operations.md").read_text()
    text = guide.partition("```yaml\n# compose/routes.yml\n")[2].partition("```")[0]
    folder = tmp_path / "compose"
    for name in (
        "public/robots.txt",
        "pages/404.html",
        "pages/5xx.html",
        "own.Caddyfile",
        "../guide/index.html",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("a text")
    (folder / "routes.yml").write_text(text)
    backends = {name: Backend(8000) for name in ("api", "reports", "chat", "web")}
    around = Surroundings("staging", ["staging", "prod"], SETTINGS, ["STAGING_PASSWORD"], backends)
    file = RoutesFile(folder / "routes.yml", around)
    entries = route_entries.read(file, [])
    route_checks.check(file, entries, domains.split(SETTINGS["DOMAIN"]))
    assert file.findings == []
    assert trials.of(entries.table, SETTINGS)
