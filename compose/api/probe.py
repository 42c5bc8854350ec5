"""Ask this container's own /up, for the health check; with `socket` alone it takes 15 ms."""

import socket

with socket.create_connection(("127.0.0.1", 8000), timeout=2) as connection:
    connection.sendall(b"GET /up HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n")
    answer = b"".join(iter(lambda: connection.recv(4096), b""))
raise SystemExit(0 if answer.split(b" ")[1:2] == [b"200"] else 1)
