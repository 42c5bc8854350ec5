"""Files that an application had before, put in the place of those in a volume.

They are read here and streamed to the machine that keeps the data, into a container there with the
one volume and nothing else. There they lie beside the files that serve until they are complete and
compared; then the two change places, as in a restore.
"""

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from slipway.agent.codec import encode
from slipway.backups.format.manifest import new_id, sized, stamp
from slipway.cluster import lease
from slipway.environments.environment import Environment
from slipway.errors import Refused, SlipwayError, UsageError
from slipway.files import swap
from slipway.files.archive import Tally, stream
from slipway.files.backups import counted
from slipway.files.messages import REQUEST, FilesReply, FilesRequest
from slipway.hosts.host import Host
from slipway.progress import Reporter
from slipway.releases import file_jobs, file_restores, file_swaps, mounts, volumes
from slipway.releases.file_jobs import OWNING, FileStore
from slipway.releases.file_sources import Source
from slipway.releases.file_swaps import FileSwap

OWNER = re.compile(r"(\d{1,9})(?::(\d{1,9}))?")
AS_THEY_ARE = "source"  # the word for owners that stay


def import_files(
    env: Environment,
    source: Source,
    volume: str,
    reporter: Reporter,
    *,
    owners: str = "",
    plan: bool = False,
) -> FilesReply:
    """Import files into a volume; what was there is kept for `inv files.restore --undo`."""
    with file_jobs.opened(env, is_stored=False) as store:
        file_swaps.refuse_unfinished(env, store.observed)
        name = _volume(store, volume)
        count = measure(source) if plan or source.is_folder else Tally()
        reply = store.ask("measure", reporter, volumes=(name,), size=count.size)
        owners = owners_of(store, name, owners, reply.owners)
        whose = f"will belong to {owners or 'whom it does in the source'}"
        if plan:
            return _planned(store, source, name, count, f"{whose}; {reply.summary}")
        reporter.note(f"{reply.summary}, which are kept; what comes {whose}")
        with lease.hold(store.cluster.manager, env.prefix, "importing files"):
            file_swaps.refuse_unfinished(env, file_swaps.observed(store))
            request = FilesRequest(
                "receive", env.prefix, (name,), backup=new_id(), owners=owners, size=count.size
            )
            chunks = _reported(stream(source.entries(), Tally()), count.size, reporter)
            argv = command(env.prefix, *_image_and_volume(store, name), request)
            received = send(_keeper(store), env.prefix, argv, chunks)
            if text := _left_out(source):
                reporter.note(text)
            begun = FileSwap((name,), f"{swap.RESTORED}{request.backup}", stamp())
            file_swaps.carry_out(store, begun, reporter)
    undo = f"inv files.restore --env={env.name} --undo"
    text = f"{name}: {received.summary}, and in place; what was there before: {undo}"
    return replace(received, summary=text)


def measure(source: Source) -> Tally:
    """Count what of a source would come."""
    tally = Tally()
    for member, _ in source.entries():
        tally.add(member)
    return tally


def owners_of(store: FileStore, name: str, chosen: str, top: str) -> str:
    """Return the UID:GID that what comes gets: of whom the service runs as, or of the volume's top.

    Where that is root, who drops rights by itself, owners stay as they are: nothing is returned.
    Raises UsageError.
    """
    if chosen == AS_THEY_ARE:
        return ""
    if chosen:
        match = OWNER.fullmatch(chosen)
        if match is None:
            raise UsageError(f"--owner={chosen[:40]!a} is neither UID:GID nor {AS_THEY_ARE}")
        return f"{match[1]}:{match[2] or match[1]}"
    specs = {one.name: one.spec for one in store.release.of("data")}
    users = {
        str(specs[each].get("user") or "")
        for each in volumes.users(store.release, [name])
        if any(m.get("source") == name and not m.get("read_only") for m in specs[each]["volumes"])
    }
    if len(users) > 1:
        raise UsageError(
            f"services that write to {name} run as {', '.join(sorted(users))}; say whose its files "
            f"become: --owner=UID:GID, or --owner={AS_THEY_ARE}"
        )
    match = OWNER.fullmatch(next(iter(users), ""))
    if match is None:
        return "" if top.startswith("0:") else top
    if match[1] == "0":
        return ""
    user, _, group = top.partition(":")
    return f"{match[1]}:{match[2] or (group if user == match[1] else match[1])}"


def command(app: str, image: str, volume: str, request: FilesRequest) -> list[str]:
    """Return what receives files on the machine that keeps the data: root's rights, no network."""
    rights = [f"--cap-add={right}" for right in ("DAC_READ_SEARCH", *OWNING)]
    return [
        *("docker", "run", "--rm", "--interactive", "--init", f"--name={_container(app)}"),
        *(f"--label=slipway.app={app}", "--label=slipway.service=files-import", "--network=none"),
        *("--user=0:0", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", *rights),
        *("--memory=1g", "--pids-limit=100", f"--volume={volume}:/volumes/{request.volumes[0]}"),
        *(f"--env={REQUEST}={json.dumps(encode(request))}", image, "python", "-m", "slipway.files"),
    ]


def _container(app: str) -> str:
    return f"{app}-files-import"


def _volume(store: FileStore, chosen: str) -> str:
    names = file_restores.choose([chosen] if chosen else [], store.volumes)
    if len(names) > 1:
        raise UsageError(f"name the volume that files come into: --volume={' or '.join(names)}")
    return names[0]


def send(host: Host, app: str, argv: Sequence[str], chunks: Iterable[bytes]) -> FilesReply:
    """Have the container on a machine receive a stream. Raises what either end failed with."""
    forget = ["docker", "rm", "--force", _container(app)]
    host.run(forget, check=False)  # of a computer that was lost while it sent
    try:
        result = host.run(argv, stdin=chunks, timeout=file_jobs.LONGEST, check=False)
    except BaseException:
        with contextlib.suppress(SlipwayError):  # it removes what it has when nothing more comes
            end = ["timeout", "20", "docker", "wait", _container(app)]
            host.run(end, timeout=30, check=False)
            host.run(forget, check=False)
        raise
    lines = [*result.err.splitlines(), *result.out.splitlines()]
    reason = next((line for line in lines if line.startswith("docker: ")), "")  # a hint follows
    return file_jobs.read(host.name, lines, reason)


def _image_and_volume(store: FileStore, name: str) -> tuple[str, str]:
    """Return the image that does it, and what the engine calls the volume."""
    specs = [service.spec for service in store.release.services]
    volume = mounts.volume(store.env.prefix, name, specs)["name"]
    return store.release.images[store.service.name], str(volume)


def _keeper(store: FileStore) -> Host:
    """Return the machine that keeps the data. Raises Refused."""
    if store.env.is_local:
        return store.cluster.manager
    nodes = [node for node in store.observed.nodes if node.holds_data]
    hosts = [store.cluster.hosts[node.id] for node in nodes if node.id in store.cluster.hosts]
    if len(nodes) == len(hosts) == 1:
        return hosts[0]
    names = ", ".join(node.name for node in nodes) or "no machine"
    raise Refused(
        f"the data are on {names}, and have to be on one machine that is reached from here: "
        "inv machine.ls. Nothing was changed"
    )


def _reported(chunks: Iterator[bytes], total: int, reporter: Reporter) -> Iterator[bytes]:
    current = 0
    for chunk in chunks:
        yield chunk
        current += len(chunk)
        reporter.progress("sending", min(current, total) if total else current, total)
    reporter.note("all is sent; it is read back there")


def _left_out(source: Source) -> str:
    more = source.omitted - len(source.left_out)
    lines = [*source.left_out, *([f"and {more} more"] if more else [])]
    return f"{source.omitted} left out:\n    " + "\n    ".join(lines) if lines else ""


def _planned(store: FileStore, source: Source, name: str, count: Tally, rest: str) -> FilesReply:
    users = ", ".join(volumes.users(store.release, [name]))
    what = f"{counted(count.files, 'file')} and {counted(count.links, 'link')}"
    text = f"would import {what} ({sized(count.size)}) of {source.name} into {name}, and it"
    lines = [f"{text} {rest}, which are kept; then stop {users}, swap, start again"]
    if len(source.tops) == 1 and (top := next(iter(source.tops))).endswith("/"):
        lines.append(
            f"all of it lies in {top!a}, which comes too; for what is in it: --below={top[:-1]}"
        )
    lines += filter(None, [_left_out(source)])
    return FilesReply("\n".join(lines), volumes=(name,), owners="")
