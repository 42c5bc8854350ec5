"""A clean clone of this repository under a project name and ports of its own, and `inv` in it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e import stock
from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
SMALL = "services: {api: {deploy: {replicas: 1}}, web: {deploy: {replicas: 1}}}\n"
TAKEN: list[socket.socket] = []  # open as long as this process: the marks of its ports
# What a developer's shell says must not reach the tests.
FOREIGN = ("INVOKE_", "SOPS_", "GIT_", "COMPOSE_", "XDG_", "BUILDX_")


@dataclass(frozen=True)
class CommandOutcome:
    """A command of the kit that ended."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float

    @property
    def text(self) -> str:
        return self.out + self.err

    def expect(self, code: int = 0) -> "CommandOutcome":
        """Return itself, or fail the test with all the command printed."""
        told = f"inv {' '.join(self.words)} ended with {self.code}, not {code}"
        assert self.code == code, f"{told}\n{self.out}\n{self.err}"
        return self

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Checkout:
    """A folder with a clone; `home` stands for the person's home directory."""

    root: Path
    home: Path
    project: str
    said: list[CommandOutcome] = field(default_factory=list)
    launcher: tuple[str, ...] = (sys.executable, "-m", "invoke")
    variables: Mapping[str, str] = field(default_factory=dict)  # more of the person's shell

    def inv(self, *words: str, timeout: float = PATIENCE) -> CommandOutcome:
        """Run `inv` as a person would in this folder, and remember what it said."""
        return self.begin(*words).wait(timeout)

    def begin(self, *words: str) -> "RunningCommand":
        """Start `inv` and go on."""
        return RunningCommand(self, words)

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        folder = str(Path(sys.executable).parent)
        return {
            **kept,
            "HOME": str(self.home),
            "SOPS_AGE_KEY_FILE": str(self.home / "age" / "keys.txt"),
            "PATH": f"{folder}{os.pathsep}{kept['PATH']}",
            **self.variables,
        }

    def sops(self, env: str, key: str) -> str:
        """Return a secret's value, as its owner would look it up."""
        return self._run_sops(env, "decrypt", "--extract", f'["{key}"]')

    def set_secret(self, env: str, key: str, value: str) -> None:
        """Give a secret a value."""
        self._run_sops(env, "set", last=(f'["{key}"]', json.dumps(value)))

    def _run_sops(self, env: str, *words: str, last: tuple[str, ...] = ()) -> str:
        argv = ["sops", *words, f"secrets/{env}.sops.yaml", *last]
        shell = self.environment()
        if env in ("dev", "testing"):
            shell["SOPS_AGE_KEY_FILE"] = str(self.path("secrets/dev.agekey"))
        done = subprocess.run(
            argv, cwd=self.root, env=shell, capture_output=True, text=True, check=True
        )
        return done.stdout

    def keep_secret(self, env: str, key: str, value: str) -> None:
        """Give a secret a value, which no list of processes shows."""
        argv = ["sops", "set", "--value-stdin", f"secrets/{env}.sops.yaml", f'["{key}"]']
        data = json.dumps(value).encode()
        subprocess.run(argv, cwd=self.root, env=self.environment(), input=data, check=True)

    def borrow_packages(self) -> None:
        """Let `./inv`, which the cells of a runbook call, use the packages of these tests.

        It would make a .venv of its own, which takes a minute and is tested elsewhere.
        """
        lent, own = Path(sys.executable).parent, self.path(".venv/bin")
        own.mkdir(parents=True)
        for name in ("python", "inv"):  # a link to a Python would not know whose packages it has
            (own / name).write_text(f'#!/bin/sh\nexec "{lent / name}" "$@"\n')
            (own / name).chmod(0o755)
        with self.path("requirements.lock").open("rb") as lock:
            done = subprocess.run(["cksum"], stdin=lock, capture_output=True, text=True, check=True)
        self.path(".venv/stamp").write_text(f"{done.stdout.strip()} {self.root}\n")

    # Files

    def path(self, name: str) -> Path:
        return self.root / name

    def shrink(self, env: str) -> None:
        """Run one replica of each service: enough where not the replicas are what is tested."""
        self.path(f"compose/compose.{env}.yml").write_text(SMALL)

    def set(self, env: str, **settings: str) -> None:
        """Set plain settings in an environment's file."""
        path = self.path(f"compose/{env}.env")
        text = path.read_text()
        for key, value in settings.items():
            text = re.sub(rf"^{key}=.*\n", "", text, flags=re.MULTILINE)
            text = f"{text.rstrip()}\n{key}={value}\n"
        path.write_text(text)

    def setting(self, env: str, key: str) -> str:
        """Return a plain setting of an environment's own file."""
        text = self.path(f"compose/{env}.env").read_text()
        found = re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)
        return str(found[-1])

    def replace(self, name: str, old: str, new: str) -> None:
        """Change one place of a file."""
        text = self.path(name).read_text()
        assert text.count(old) >= 1, f"{name} holds no {old!r}"
        self.path(name).write_text(text.replace(old, new, 1))

    def commit(self, message: str) -> str:
        """Commit everything; return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def restore(self, commit: str) -> None:
        """Bring all files back to a commit, as a commit of its own where they differ."""
        self.git("reset", "--quiet", "--hard", commit)
        self.git("clean", "--quiet", "--force", "-d")

    def git(self, *words: str) -> str:
        argv = ["git", *words]
        done = subprocess.run(
            argv, cwd=self.root, env=self.environment(), capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


class RunningCommand:
    """An `inv` that runs; its two outputs are read as they come."""

    def __init__(self, checkout: Checkout, words: tuple[str, ...]) -> None:
        self._checkout = checkout
        self._words = words
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [*checkout.launcher, *words],
            cwd=checkout.root,
            env=checkout.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._lines: dict[str, list[str]] = {"out": [], "err": []}
        self._readers = [self._reader("out"), self._reader("err")]

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_for(self, text: str, timeout: float = PATIENCE) -> None:
        """Wait until it has printed a text."""
        deadline = time.monotonic() + timeout
        while text not in self._said():
            ended = self._process.poll() is not None
            late = time.monotonic() > deadline
            assert not ended and not late, f"“{text}” was never said:\n{self._said()}"
            time.sleep(0.02)

    def interrupt(self) -> CommandOutcome:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)
        return self.wait()

    def kill(self) -> CommandOutcome:
        """End it as a power cut would: no handler runs."""
        self._process.kill()
        return self.wait()

    def wait(self, timeout: float = PATIENCE) -> CommandOutcome:
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"no end after {timeout:.0f} s:\n{self._said()}") from None
        finally:
            for reader in self._readers:
                reader.join(5)
        out, err = ("".join(self._lines[name]) for name in ("out", "err"))
        seconds = time.monotonic() - self._began
        done = CommandOutcome(self._words, self._process.returncode, out, err, seconds)
        self._checkout.said.append(done)
        return done

    def _said(self) -> str:
        return "".join(self._lines["out"] + self._lines["err"])

    def _reader(self, name: str) -> threading.Thread:
        pipe = self._process.stdout if name == "out" else self._process.stderr
        assert pipe is not None

        def read() -> None:
            for line in pipe:
                self._lines[name].append(line)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread


def clone(folder: Path, project: str, *, at: str = "") -> Checkout:
    """Clone HEAD, lay what is not committed over it, and give it a name and ports of its own.

    `at` names an older commit instead.
    """
    checkout = Checkout(folder / "clone", folder / "home", project)
    checkout.home.mkdir(parents=True)
    # A person has said once who they are; some runbooks commit.
    identity = "[user]\n\tname = Test\n\temail = test@example.org\n"
    (checkout.home / ".gitconfig").write_text(identity)
    here = Checkout(ROOT, checkout.home, "")
    argv = ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(checkout.root)]
    subprocess.run(argv, env=here.environment(), check=True)
    checkout.git("switch", "--quiet", "-C", "main", at or "HEAD")  # whatever is checked out here
    for name in () if at else _uncommitted(here):
        source, target = ROOT / name, checkout.root / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        else:
            target.unlink(missing_ok=True)
    ports = free_ports(2)
    checkout.set("common", PROJECT=project, HEALTH_TIMEOUT="600")  # however busy the computer is
    if not at:
        checkout.set("common", SETTLE_TIME="1")
        checkout.set("staging", KEEP_WARM="0")  # it would end while a test counts what runs
    checkout.set("dev", HTTP_PORT=str(ports[0]))
    checkout.set("testing", HTTP_PORT=str(ports[1]))
    checkout.set("staging", ALLOW_STANDINS="on", LAB="on")
    for path in checkout.path("compose").glob("*.yml"):
        _probe_less(path)
    if not at:
        stock.name_in(checkout.path("compose"))
    checkout.commit("Name the project")
    return checkout


def _probe_less(compose: Path) -> None:
    """Have containers asked less often, and give them time to answer: many environments run at
    once here, and each question costs 80 ms of processor.
    """
    text = compose.read_text().replace("      interval: 5s\n", "      interval: 30s\n")
    text = re.sub(r"      start_interval: \d+ms\n", "      start_interval: 1s\n", text)
    compose.write_text(re.sub(r"      timeout: [35]s\n", "      timeout: 60s\n", text))


def _uncommitted(here: Checkout) -> Iterator[str]:
    argv = ("status", "--porcelain", "--no-renames", "-z", "--untracked-files=all")
    for entry in here.git(*argv).split("\0"):
        if len(entry) > 2:
            yield entry.strip().split(" ", 1)[-1].strip()


def free_ports(count: int) -> list[int]:
    """Take ports that nobody holds, below those the kernel hands out by itself.

    Nobody else who asks this function gets them while this process lives.
    """
    ports: list[int] = []
    for port in range(18100, 21000):
        if _take(port):
            ports.append(port)
        if len(ports) == count:
            return ports
    raise AssertionError("no free port")


def _take(port: int) -> bool:
    """Mark a port as ours, unless it is in use or somebody else's; the mark is its UDP twin."""
    mark = socket.socket(type=socket.SOCK_DGRAM)
    try:
        mark.bind(("127.0.0.1", port))
        with socket.socket() as probe:
            probe.bind(("0.0.0.0", port))  # noqa: S104  as Docker would
    except OSError:
        mark.close()
        return False
    TAKEN.append(mark)
    return True


@contextmanager
def kept_as_it_is(checkout: Checkout) -> Iterator[str]:
    """Bring the files back to their commit after a test that changes them."""
    before = checkout.git("rev-parse", "HEAD")
    try:
        yield before
    finally:
        checkout.restore(before)


def docker(*words: str, check: bool = True, env: Mapping[str, str] | None = None) -> str:
    """Ask this computer's engine."""
    argv = ["docker", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0 or not check, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout.strip()
