"""Volumes with files in them, and the container that backs them up as a job of the Swarm would."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slipway.agent.codec import encode
from slipway.files.archive import Tally, stream
from slipway.files.messages import REQUEST, FilesReply, FilesRequest
from slipway.hosts.local import LocalHost
from slipway.releases import file_imports, file_jobs
from slipway.releases.file_sources import Source
from tests.fakes.s3server import S3Server
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.postgres_stack import OPS, build_ops

PASSPHRASE = "a-passphrase-that-nobody-guesses"
# Prints a digest of each file's content, and all that a backup has to bring back of it.
LOOK = r"""
import hashlib, os, sys
for place, folders, files in os.walk(b"/volumes/uploads"):
    folders[:] = sorted(each for each in folders if each != b".slipway")
    for name in [b".", *sorted(folders), *sorted(files)]:
        path = os.path.join(place, name)
        seen = os.lstat(path)
        kind = seen.st_mode >> 12
        what = hashlib.sha256(open(path, "rb").read()).hexdigest() if kind == 8 else ""
        what = os.readlink(path) if kind == 10 else what
        links = seen.st_nlink if kind == 8 else 0
        at = 0 if kind == 10 or name == b"." else seen.st_mtime_ns
        print(path, oct(seen.st_mode), seen.st_uid, seen.st_gid, links, at, what)
"""
# What uploads may be: of users that the container does not know, for their eyes only, with
# names that are no text, twice the same file, mostly holes, empty, long ago, leading nowhere.
FILL = r"""
import os
os.chdir("/volumes/uploads")
os.makedirs("a/b/empty"); os.makedirs("*?[x]")
for name, text in {"a/secret": b"mine", "new\nline": b"1", b"no text \xff\xe4": b"2",
                   "*?[x]/$HOME": b"3", "a/b/-rf": b"4",
                   ".hidden": b"5", "nothing": b""}.items():
    open(name, "wb").write(text)
os.chmod("a/secret", 0o600); os.chown("a/secret", 4711, 4712)
os.chmod("a/b", 0o2750); os.chown("a/b", 4711, 33); os.chmod("a/b", 0o2750)
os.link("a/secret", "a/b/same"); os.symlink("/nowhere", "link"); os.mkfifo("pipe")
with open("holes", "wb") as file:
    file.truncate(64 << 20); file.seek(32 << 20); file.write(b"in the middle")
os.utime("nothing", ns=(1, 86_400_000_000_001))
os.chown(".", 4711, 4712); os.chmod(".", 0o750)
"""


@dataclass
class KeptFiles:
    """The volume `uploads`, and restic's own, of one environment."""

    corner: DockerSandbox
    secrets: Path
    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    service: str = ""

    def __post_init__(self) -> None:
        build_ops()
        for name in ("uploads", "restic"):
            self.corner.docker(
                *("volume", "create", "--label", self.corner.label, *self.options),
                f"{self.corner.app}-{name}",
            )
            self.options = ()
        self.secret("BACKUP_FILES_PASSPHRASE", PASSPHRASE)
        mount = ("--volume", f"{self.corner.app}-uploads:/volumes/uploads")
        self.service = self.corner.run(
            OPS, "sleep", "infinity", options=("--init", "--user", "0:0", *mount)
        )

    def secret(self, name: str, value: str) -> None:
        self.secrets.mkdir(exist_ok=True)
        (self.secrets / name).write_text(value)

    def store_in(self, s3: S3Server, bucket: str, gateway: str) -> None:
        """Keep backups in S3 from now on."""
        self.environment = {
            "BACKUP_STORE": f"s3://{bucket}/some/path",
            "BACKUP_S3_ENDPOINT": s3.endpoint_from_containers(gateway),
        }
        self.secret("BACKUP_S3_KEY", s3.access_key)
        self.secret("BACKUP_S3_SECRET", s3.secret_key)

    def words(self, verb: str, **fields: Any) -> list[str]:
        """The command that does one thing in a container with the rights that a job gets for it."""
        request = FilesRequest(verb, self.corner.app, ("uploads",), **fields)
        is_read_only = request.plan or verb not in file_jobs.WRITING
        rights = ["DAC_READ_SEARCH"]
        rights += file_jobs.OWNING if verb in file_jobs.RESTORING and not request.plan else ()
        settings = {
            **self.environment,
            "ENVIRONMENT": "testing",
            REQUEST: json.dumps(encode(request)),
        }
        app = self.corner.app
        return [
            *("run", "--rm", "--init", "--label", self.corner.label, "--read-only"),
            *("--hostname", "restic", "--user", "0:0", "--tmpfs", "/tmp", "--cap-drop", "ALL"),
            *(word for right in rights for word in ("--cap-add", right)),
            *(word for pair in settings.items() for word in ("--env", "=".join(pair))),
            *("--volume", f"{self.secrets}:/run/secrets:ro"),
            *("--volume", f"{app}-restic:/var/lib/restic"),
            *("--volume", f"{app}-uploads:/volumes/uploads{':ro' if is_read_only else ''}"),
            *(OPS, "python", "-m", "slipway.files"),
        ]

    def ask(self, verb: str, **fields: Any) -> FilesReply:
        """Have one thing done; raises what an operator would see."""
        argv = ["docker", *self.words(verb, **fields)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert PASSPHRASE not in said
        lines = [*done.stderr.splitlines(), *done.stdout.splitlines()]
        return file_jobs.read("here", lines, f"ended with {done.returncode}")

    def exchange(self, incoming: str, moment: str) -> FilesReply:
        """Have files swapped in."""
        return self.ask("exchange", incoming=incoming, moment=moment)

    def restore(self, backup: str, moment: str) -> None:
        """Restore a backup in one go."""
        self.ask("fill", backup=backup)
        self.exchange(f"restored-{backup}", moment)

    def receive(self, source: Source, backup: str, owners: str) -> FilesReply:
        """Have files received from here, as an import sends them."""
        request = FilesRequest("receive", self.corner.app, ("uploads",), backup, owners=owners)
        argv = file_imports.command(self.corner.app, OPS, f"{self.corner.app}-uploads", request)
        chunks = stream(source.entries(), Tally())
        return file_imports.send(LocalHost(), self.corner.app, argv, chunks)

    def python(self, text: str) -> str:
        """Run a program in the service that has the volume, which runs through it all."""
        return self.corner.docker("exec", self.service, "python", "-c", text)

    def look(self) -> str:
        return self.python(LOOK)

    def leave(self) -> None:
        self.corner.docker("rm", "--force", self.service)
        for name in ("uploads", "restic"):
            self.corner.docker("volume", "rm", f"{self.corner.app}-{name}", check=False)
