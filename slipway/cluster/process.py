"""This process, named so that a later one on the same computer can tell whether it is alive."""

import os
from pathlib import Path

PROC = Path("/proc")


def name() -> str:
    """Name this process by boot, pid namespace, pid and start; nothing where /proc is missing."""
    try:
        return f"{_computer()}:{os.getpid()}:{_start(os.getpid())}"
    except OSError:
        return ""


def is_dead(named: str) -> bool:
    """Say whether a process named on this very computer has ended; False where it cannot tell."""
    try:
        computer, pid, start = named.rsplit(":", 2)
        if computer != _computer():
            return False
    except (OSError, ValueError):
        return False
    try:
        return _start(int(pid)) != start
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False


def _computer() -> str:
    boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{(PROC / 'self/ns/pid').readlink()}"


def _start(pid: int) -> str:
    """Return when a process began, in clock ticks since boot (proc(5)); nothing for a zombie."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
