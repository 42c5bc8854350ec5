"""Reading an environment's secrets as every command does, against sops by itself on that file."""

import dataclasses
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.section import Section
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.secrets import change, encrypted_file, programs, sops
from slipway.secrets.secret import Secret

PROGRAM = programs.find_sops().path
ROUNDS = 41
GOAL = 1.30
SIZES = (5, 50, 500)


def measure() -> list[Section]:
    """Take turns, so that whatever else the machine does hits both alike."""
    rows, ratios = [], []
    for size in SIZES:
        raw, ours = _in_turn(size, _sops, _read)
        ratios.append(ours / raw)
        rows.append(
            (f"reading {size} secrets", f"{raw:.0f} ms", f"{ours:.0f} ms", f"{ours / raw:.2f}")
        )
    raw, ours = _in_turn(50, _set, _change)
    rows.append(("one value set, of 50", f"{raw:.0f} ms", f"{ours:.0f} ms", f"{ours / raw:.2f}"))
    return [
        Section(
            name="secrets",
            title="Secrets: one decryption",
            goal=f"reading takes at most {GOAL:.2f} times what `sops decrypt` takes",
            met=max(ratios) <= GOAL,
            columns=("CPU time of", "`sops` by itself", "Slipway", "times"),
            rows=rows,
            method=f"{ROUNDS} of each, in turn, medians of the user and system time of a process "
            "and its children; the same program, as JSON. Slipway's part looks at the program's "
            "sum, checks the file without a key (names, types, who can read it), decrypts once "
            "and checks the names; what it decrypted it does not decrypt again. A value is set "
            "under a lock, on a copy that is opened and compared, and brought to the disk.",
        )
    ]


def _environment(root: Path, size: int) -> Environment:
    """Make an environment with so many secrets, encrypted to a key of its own."""
    folder = root / "secrets"
    folder.mkdir()
    key = folder / "dev.agekey"
    subprocess.run(["age-keygen", "-o", str(key)], check=True, capture_output=True)
    recipient = subprocess.check_output(["age-keygen", "-y", str(key)], text=True).strip()
    argv = [PROGRAM, "encrypt", "--age", recipient, "--input-type", "json"]
    argv += ["--output-type", "yaml", "/dev/stdin"]
    values = {f"SECRET_{number}": f"value {number} " * 3 for number in range(size)}
    data = json.dumps(values).encode()
    done = subprocess.run(argv, input=data, capture_output=True, check=True, cwd=root)
    (folder / "dev.sops.yaml").write_bytes(done.stdout)
    env = environment.load("dev")
    rules = {name: rule for name, rule in env.rules.items() if not rule.secret}
    pattern = env.rules["SESSION_KEY"]
    rules |= {name: dataclasses.replace(pattern, key=name) for name in values}
    return dataclasses.replace(env, rules=rules, secrets=folder)


def _in_turn(size: int, *ways: Callable[[Environment], None]) -> list[float]:
    """Return the median milliseconds of each way with a file of so many secrets."""
    times: list[list[float]] = [[] for _ in ways]
    with tempfile.TemporaryDirectory() as name:
        env = _environment(Path(name), size)
        for _ in range(ROUNDS):
            for way, taken in zip(ways, times, strict=True):
                began = _cpu()
                way(env)
                taken.append(1000 * (_cpu() - began))
    return [statistics.median(taken) for taken in times]


def _cpu() -> float:
    """Return the seconds that this process and its children have used."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _read(env: Environment) -> None:
    sops._opened.clear()
    encrypted_file._parse.cache_clear()
    sops.read(env)


def _change(env: Environment) -> None:
    sops._opened.clear()
    change.apply(env, {"SECRET_1": Secret(str(time.perf_counter()))})


def _sops(env: Environment) -> None:
    _run(env, ["decrypt", "--output-type", "json", str(env.secrets_file)], b"")


def _set(env: Environment) -> None:
    value = json.dumps(str(time.perf_counter())).encode()
    _run(env, ["set", "--value-stdin", str(env.secrets_file), '["SECRET_1"]'], value)


def _run(env: Environment, words: list[str], data: bytes) -> None:
    own = {"PATH": os.environ["PATH"], "SOPS_AGE_KEY_FILE": str(env.secrets / "dev.agekey")}
    argv = [PROGRAM, *words]
    subprocess.run(argv, input=data, env=own, check=True, capture_output=True)
