"""A frame of an overlay network as a machine of the Swarm would send it, made by an attacker."""

import struct
from ipaddress import IPv4Address

STRANGER = bytes.fromhex("02426b6f0001")  # a MAC address that nobody has
NOWHERE = 9  # a port that nobody listens on


def frame(vni: int, mac: str, address: str, source: str) -> bytes:
    """Pack an empty UDP datagram to a container, as the payload of one to port 4789."""
    datagram = struct.pack("!HHHH", NOWHERE, NOWHERE, 8, 0)
    ends = IPv4Address(source).packed + IPv4Address(address).packed
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0)
    head = head[:10] + struct.pack("!H", _sum(head + ends)) + ends
    ethernet = bytes.fromhex(mac.replace(":", "")) + STRANGER + b"\x08\x00"
    return struct.pack("!II", 0x08000000, vni << 8) + ethernet + head + datagram


def _sum(data: bytes) -> int:
    words: tuple[int, ...] = struct.unpack(f"!{len(data) // 2}H", data)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
