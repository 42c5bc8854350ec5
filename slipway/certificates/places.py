"""Where edges and the service `certificates` find each other on the network `edge`."""

from pathlib import Path

IDENTITY = Path("/etc/edge/identity.pem")  # in both; what they know each other by
NAME = "certificates.slipway.internal"  # in that certificate, and in nobody's DNS
EDGE, EDGE_PORT = "edge", 8444
PORT, CHALLENGE_PORT = 8443, 8080
