"""The provider `ssh`: a Debian or Ubuntu host that exists and lets us in."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from slipway.errors import Refused, UsageError
from slipway.hosts import known_hosts, ssh_config
from slipway.hosts.known_hosts import HostKey
from slipway.machines import inventory, survey
from slipway.machines.machine import Machine
from slipway.machines.provider import MachineSpec, ProviderContext
from slipway.machines.survey import Survey


class SshProvider:
    """Adopts hosts; never makes or removes one."""

    def __init__(self, place: ProviderContext, confirm: Callable[[str], bool]) -> None:
        self._place = place
        self._confirm = confirm
        self._files = inventory.files(place.env, "ssh", place.root)
        self._trusted: HostKey | None = None

    def check(self, spec: MachineSpec) -> None:
        machine = self._requested(spec)
        if pinned := known_hosts.pinned(self._files.known_hosts, machine.host, machine.port):
            if spec.fingerprint and spec.fingerprint not in {key.fingerprint for key in pinned}:
                raise Refused(
                    f"{machine.name}: {self._files.known_hosts.name} vouches for "
                    f"{pinned[0].fingerprint}, not for {spec.fingerprint}; one of them is wrong"
                )
            return
        self._trusted = self._verified_key(machine, spec.fingerprint)

    def create(self, spec: MachineSpec) -> Machine:
        machine = self._requested(spec)
        if self._trusted is None:
            return self._settle(machine, spec.address)
        with inventory.locked(self._place.env, self._place.root):
            file = self._files.known_hosts
            known_hosts.pin(file, machine.host, machine.port, [self._trusted])
        try:
            return self._settle(machine, spec.address)
        except BaseException:
            # Nothing of a host that we did not adopt stays in a committed file.
            with inventory.locked(self._place.env, self._place.root):
                self.destroy(machine)
            raise

    def destroy(self, machine: Machine) -> None:
        """The host is somebody's; only our trust in it goes."""
        known_hosts.forget(self._files.known_hosts, machine.host, machine.port)

    def describe(self, machine: Machine) -> str:
        return "adopted"

    def _requested(self, spec: MachineSpec) -> Machine:
        user, _, host = spec.host.rpartition("@")
        if not user or not host or host.startswith("-") or any(c.isspace() for c in spec.host):
            raise UsageError(
                "--host is required with --provider=ssh, like --host=deploy@203.0.113.7"
            )
        if spec.fingerprint and not known_hosts.FINGERPRINT.fullmatch(spec.fingerprint):
            raise UsageError("--fingerprint looks like SHA256: and 43 characters (`ssh-keygen -l`)")
        # As this person's ssh_config has it now; for others the inventory says so from here on.
        port = spec.port or ssh_config.resolve(spec.name, host, user).port
        machine = Machine(spec.name, host, port, user)
        for known in inventory.load(self._place.env, self._place.root):
            inventory.refuse_mixing(self._place.env, "ssh", [known])
            same = (known.host, known.port) == (host, port)
            if known.name == spec.name and not same:
                raise Refused(f"{spec.name} is {known.ssh} already; take another name")
            if known.name != spec.name and same:
                raise Refused(f"{known.ssh} is in {self._place.env} already, as {known.name}")
            if known.name == spec.name:
                machine = replace(known, user=user)
        return machine

    def _settle(self, machine: Machine, address: str) -> Machine:
        known = inventory.load(self._place.env, self._place.root)
        peers = [each.address for each in known if each.name != machine.name and each.address]
        host = inventory.connect(self._place.env, machine, self._place.root)
        try:
            host_survey = survey.look(host, *peers)
        finally:
            host.close()
        requested = address or machine.address
        address = agree_on_address(host_survey, machine.host, requested, peers, self._confirm)
        return replace(machine, address=address)

    def _verified_key(self, machine: Machine, fingerprint: str) -> HostKey:
        """The key that the host shows, when the fingerprint or a person says that it is its own."""
        shown = known_hosts.scan(machine.name, machine.host, machine.port, machine.user)
        if not fingerprint:
            self._ask(machine, shown[0])
            return shown[0]
        for key in shown:
            if key.fingerprint == fingerprint:
                return key
        raise Refused(
            f"{machine.name}: {machine.host} shows {shown[0].fingerprint} ({shown[0].kind}), "
            f"not {fingerprint}; someone may be intercepting the connection"
        )

    def _ask(self, machine: Machine, key: HostKey) -> None:
        question = (
            f"{machine.host} shows the host key {key.kind}\n  {key.fingerprint}\n"
            "Is that what its console shows (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`)?"
        )
        if self._confirm(question):
            return
        raise Refused(
            f"{machine.name}: {machine.host} shows the host key {key.kind} {key.fingerprint}, and "
            "nobody vouches for it; type `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the "
            "machine's console, then run this again with --fingerprint= and what that says"
        )


def agree_on_address(
    host_survey: Survey,
    host: str,
    requested: str,
    peers: Sequence[str],
    confirm: Callable[[str], bool],
) -> str:
    """Return the address for the other machines; a public one only where that is meant.

    Alone a machine talks to nobody there. Raises Refused.
    """
    name = host_survey.host
    address = requested or survey.cluster_address(host_survey, host)
    if address not in host_survey.addresses:
        own = ", ".join(host_survey.addresses)
        raise Refused(f"{name}: {address} is none of its addresses ({own})")
    if not peers or requested or survey.is_private(address):
        return address
    what = f"what the machines tell each other would cross a public network, from {address}"
    if not confirm(f"{name}: {what}. Is that meant?"):
        raise Refused(
            f"{name}: {what}; put the machines into a private network, or behind WireGuard, "
            f"and give --address=... there; if it is meant, --address={address}"
        )
    return address
