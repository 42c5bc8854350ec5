"""An API, its worker and its migrations: one image."""

import json
import os
import socket
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import psycopg

TABLE = "create table if not exists written (name text primary key)"
ADD = "insert into written values (%s) on conflict do nothing"


def written(name: str = "") -> list[str]:
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=5) as connection:
        if name:
            connection.execute(ADD, (name,))
        return [row[0] for row in connection.execute("select name from written order by name")]


def queue() -> str:
    address = urlsplit(os.environ["AMQP_URL"])
    with socket.create_connection((address.hostname, address.port), timeout=5):
        return address.username


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with urllib.request.urlopen("http://board-minio:9000/", timeout=5) as store:
            body = {"written": written(), "queue": queue(), "files": store.status}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


match sys.argv[1]:
    case "migrate":
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            connection.execute(TABLE)
    case "worker":
        while True:
            written("worker"), queue()
            time.sleep(2)
    case _:
        ThreadingHTTPServer(("", 8000), Page).serve_forever()
