#!/usr/bin/env python3
"""An application of which only the image is known: it asks all that its settings name.

It migrates, works or serves, as its words say. ASKS has addresses with {NAMES} of variables in
them; what it serves is what each of them answered, and who has written into the database.
"""

import json
import os
import signal
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_connection
from threading import Thread
from urllib.parse import quote, unquote, urlsplit

TABLE = "create table if not exists written (name varchar(80) primary key)"
ADD = "insert into written values (%s)"


def settings() -> dict[str, str]:
    """Read variables, and files that variables named *_FILE name, as images of others do."""
    files = {key[:-5]: Path(path) for key, path in os.environ.items() if key.endswith("_FILE")}
    return {**os.environ, **{key: path.read_text().strip() for key, path in files.items()}}


def addresses() -> list[str]:
    values = settings()
    asked = []
    for address in os.environ["ASKS"].split():
        whole = address.startswith("{") and address.endswith("}") and address.count("{") == 1
        given = values if whole else {key: quote(value, safe="") for key, value in values.items()}
        asked.append(address.format_map(given))
    return asked


def database(address: str):
    """Connect to PostgreSQL, or to MariaDB."""
    parts = urlsplit(address)
    if parts.scheme.startswith("postgres"):
        import psycopg

        return psycopg.connect(address, autocommit=True, connect_timeout=5)
    import pymysql

    return pymysql.connect(
        host=parts.hostname or "",
        user=parts.username,
        password=unquote(parts.password or ""),
        database=parts.path[1:],
        autocommit=True,
    )


def write(name: str) -> None:
    """Write a name into each database, once."""
    for address in addresses():
        if urlsplit(address).scheme.startswith(("postgres", "mysql")):
            with database(address) as connection, connection.cursor() as cursor:
                if os.environ["MIGRATES"] or name == "migration":
                    cursor.execute(TABLE)
                cursor.execute("select name from written")
                if (name,) not in cursor.fetchall():
                    cursor.execute(ADD, (name,))


def ask(address: str) -> str:
    """Return what one answers; its errors are for who calls."""
    parts = urlsplit(address)
    match parts.scheme:
        case "postgres" | "postgresql" | "mysql":
            with database(address) as connection, connection.cursor() as cursor:
                cursor.execute("select name from written order by name")
                return " ".join(row[0] for row in cursor.fetchall())
        case "redis":
            import redis

            return str(redis.Redis.from_url(address, socket_timeout=5).ping())
        case "http":
            with urllib.request.urlopen(address, timeout=5) as response:
                return str(response.status)
        case "file":
            return Path(parts.path).read_text().strip()
        case "folder":
            Path(parts.path, "written").write_text("kept")
            return "kept"
        case _:
            with create_connection((parts.hostname, parts.port), timeout=5):
                return "connected"


def answers() -> tuple[bool, dict[str, str]]:
    """Ask all; say whether all answered."""
    replies, is_well = {}, True
    for address in addresses():
        parts = urlsplit(address)
        key = f"{parts.scheme}:{parts.hostname or parts.path}"
        try:
            replies[key] = ask(address)
        except Exception as error:
            replies[key], is_well = f"{type(error).__name__}: {error}", False
    return is_well, replies


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_well, replies = answers() if self.path == "/" else (True, {"OK": self.path})
        body = json.dumps(replies).encode()
        self.send_response(200 if is_well else 503)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def work() -> None:
    """Ask all again and again, as one whose restarts show that something is missing."""
    while True:
        is_well, replies = answers()
        if is_well:
            write("worker")
        print(json.dumps(replies), flush=True)
        time.sleep(2)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    words = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    if "migrate" in words:
        write("migration")
        return
    if not os.environ["PORTS"] or any(word in words for word in ("worker", "sidekiq")):
        work()
    if os.environ["MIGRATES"]:
        write("server")
    first, *others = map(int, os.environ["PORTS"].split())
    for port in others:
        Thread(target=ThreadingHTTPServer(("", port), Page).serve_forever, daemon=True).start()
    ThreadingHTTPServer(("", first), Page).serve_forever()


if __name__ == "__main__":
    main()
