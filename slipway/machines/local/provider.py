"""The provider `local`: rehearsal machines as containers with an engine of their own.

`docker stop` and `docker start` are a reboot, `docker kill` is a power cut. Addresses and
published ports are fixed, so a machine comes back as the one it was.
"""

import json
import socket
import time
import zlib
from collections.abc import Callable

from slipway.errors import CommandFailed, Refused, SlipwayError
from slipway.hosts import known_hosts
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES, SECONDS, Host
from slipway.hosts.local import LocalHost
from slipway.machines import inventory
from slipway.machines.local import addresses, image
from slipway.machines.local.addresses import LOOPBACK, NOWHERE, Address, Container
from slipway.machines.local.image import RIGHTS
from slipway.machines.machine import APP, Machine
from slipway.machines.provider import MachineSpec, ProviderContext

USER = "deploy"
BOOT = 180 * SECONDS


class LocalProvider:
    """Makes, removes and describes rehearsal machines of one environment."""

    def __init__(
        self, place: ProviderContext, confirm: Callable[[str], bool], engine: Host | None = None
    ) -> None:
        self._place = place
        self._engine = engine or LocalHost()
        self._files = inventory.files(place.env, inventory.LOCAL, place.root)
        self._prefix = f"{place.project}-{place.env}"
        self._network = f"{self._prefix}-hosts"

    def check(self, spec: MachineSpec) -> None:
        if spec.host or spec.fingerprint or spec.address:
            raise Refused(
                "a local machine gets its host, address and key by itself; leave them out"
            )
        known = inventory.load(self._place.env, self._place.root)
        inventory.refuse_mixing(self._place.env, inventory.LOCAL, known)

    def create(self, spec: MachineSpec) -> Machine:
        reference = image.stocked(self._engine, self._place.images())
        is_new = spec.name not in self._inspect()
        seat = NOWHERE
        try:
            with inventory.locked(self._place.env, self._place.root):
                self._ensure_key()
                seat = self._started(spec.name, reference)
            self._admit(spec.name, seat)
        except BaseException:  # Ctrl-C too leaves no half machine
            if is_new:
                with inventory.locked(self._place.env, self._place.root):
                    self.destroy(self._machine(spec.name, seat))
            raise
        return self._machine(spec.name, seat)

    def destroy(self, machine: Machine) -> None:
        container = self._container(machine.name)
        self._docker("rm", "--force", "--volumes", container, check=False)
        self._docker("volume", "rm", "--force", container, check=False)
        known_hosts.forget(self._files.known_hosts, machine.host, machine.port)
        if not self._inspect():
            self._docker("network", "rm", self._network, check=False)
            if self._files.identity is not None:
                for path in (self._files.identity, self._files.identity.with_suffix(".pub")):
                    path.unlink(missing_ok=True)

    def describe(self, machine: Machine) -> str:
        container = self._inspect().get(machine.name)
        if container is None:
            return "gone"
        return "running" if container["State"]["Running"] else "stopped"

    # -- making one ---------------------------------------------------------------------------

    def _started(self, name: str, reference: str) -> Address:
        """Start the machine, on the seat it has or on a free one."""
        others = self._inspect()
        if name in others:
            self._docker("start", self._container(name))
            return addresses.of(others[name])
        network = self._ensure_network()
        for seat in addresses.free(self._container(name), network, others.values()):
            try:
                self._docker(*self._run(name, seat, reference), timeout=1 * MINUTES)
                return seat
            except CommandFailed as error:
                self._docker("rm", "--force", "--volumes", self._container(name), check=False)
                if "port is already allocated" not in error.stderr:
                    raise  # else another program was quicker; the next seat
        raise SlipwayError(f"{name}: no free ports on this computer")

    def _run(self, name: str, seat: Address, reference: str) -> list[str]:
        container = self._container(name)
        labels = self._labels(f"slipway.machine={name}")
        volume = f"type=volume,src={container},dst=/var/lib/docker"
        for label in self._labels()[1::2]:
            volume += f",volume-label={label}"
        ports = {22: seat.ssh, 80: seat.http, 443: seat.https}
        publish = [f"--publish={LOOPBACK}:{own}:{port}" for port, own in ports.items()]
        place = ["--hostname", name, "--network", self._network, "--ip", seat.address]
        return [
            *("run", "--detach", "--stop-timeout", "30", "--name", container),
            *(*place, *labels, *RIGHTS),
            *("--mount", volume, *publish, "--restart", "unless-stopped", "--pull", "never"),
            reference,
        ]

    def _admit(self, name: str, seat: Address) -> None:
        """Give our key in, take its key out; `docker exec` is a channel nobody sits on."""
        container = self._container(name)
        assert self._files.identity is not None  # noqa: S101  local machines have one
        public = self._files.identity.with_suffix(".pub").read_bytes()
        text = (
            f"h=/home/{USER}; install -d -m 700 -o {USER} $h/.ssh; cat > $h/.ssh/authorized_keys; "
            f"chown {USER} $h/.ssh/authorized_keys; chmod 600 $h/.ssh/authorized_keys; "
            f"timeout {BOOT:.0f} sh -c 'until docker version >/dev/null 2>&1; do sleep 0.2; done'; "
            "cat /etc/ssh/ssh_host_ed25519_key.pub"
        )
        argv = ["docker", "exec", "-i", container, "sh", "-euc", text]
        answer = self._engine.run(argv, stdin=public, timeout=BOOT + 10 * SECONDS, check=False)
        if answer.code != 0:
            raise SlipwayError(
                f"{name}: its engine did not start; see `docker exec {container} tail "
                "/var/log/dockerd.log`"
            )
        with inventory.locked(self._place.env, self._place.root):
            key = known_hosts.parse(answer.out)
            known_hosts.pin(self._files.known_hosts, LOOPBACK, seat.ssh, [key])
        _wait_for_port(name, seat.ssh)

    def _ensure_key(self) -> None:
        identity = self._files.identity
        assert identity is not None  # noqa: S101  local machines have one
        if identity.exists():
            return
        identity.parent.mkdir(parents=True, exist_ok=True)
        comment = f"{self._prefix} rehearsal machines"
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(identity)]
        self._engine.run(argv)

    def _ensure_network(self) -> str:
        """Fixed addresses need a network with a subnet of our own; return its first three bytes."""
        show = ("network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}")
        subnet = self._docker(*show, self._network, check=False)
        if subnet:
            return subnet.rpartition(".")[0]
        start = zlib.crc32(self._network.encode())
        error: CommandFailed | None = None
        for attempt in range(20):
            base = f"10.199.{(start + attempt) % 256}"
            create = ("network", "create", "--subnet", f"{base}.0/24", *self._labels())
            try:
                self._docker(*create, self._network)
                return base
            except CommandFailed as failure:  # "Pool overlaps": somebody else's subnet
                error = failure
        raise error or SlipwayError("no free subnet")

    # -- what is there ------------------------------------------------------------------------

    def _machine(self, name: str, seat: Address) -> Machine:
        known = inventory.load(self._place.env, self._place.root)
        roles = {machine.name: machine.role for machine in known}
        return Machine(
            name=name,
            host=LOOPBACK,
            port=seat.ssh,
            user=USER,
            address=seat.address,
            provider=inventory.LOCAL,
            role=roles.get(name, APP),
            http_port=seat.http,
            https_port=seat.https,
        )

    def _inspect(self) -> dict[str, Container]:
        """The containers of the environment's machines, running or not, by machine."""
        labels = self._labels()
        filters = [word for label in labels[1::2] for word in ("--filter", f"label={label}")]
        ids = self._docker("ps", "--all", "--quiet", *filters, "--filter", "label=slipway.machine")
        if not ids:
            return {}
        out = self._docker("inspect", *ids.split())
        with reading(self._engine.name, "its containers"):
            return {each["Config"]["Labels"]["slipway.machine"]: each for each in json.loads(out)}

    def _labels(self, *more: str) -> list[str]:
        labels = (f"slipway.project={self._place.project}", f"slipway.env={self._place.env}", *more)
        return [word for label in labels for word in ("--label", label)]

    def _container(self, name: str) -> str:
        return f"{self._prefix}-{name}"

    def _docker(self, *words: str, check: bool = True, timeout: float = 1 * MINUTES) -> str:
        result = self._engine.run(["docker", *words], check=check, timeout=timeout)
        return result.out.strip() if result.code == 0 else ""


def _wait_for_port(name: str, port: int) -> None:
    deadline = time.monotonic() + BOOT
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((LOOPBACK, port), timeout=2) as greeting:
                if greeting.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise SlipwayError(f"{name}: its sshd does not answer at {LOOPBACK}:{port}")
