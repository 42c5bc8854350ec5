"""The SSH keys that open an environment's machines: looked at, let in, taken off."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from slipway import shell_scripts
from slipway.errors import Refused, SlipwayError
from slipway.hosts import parallel, sudo
from slipway.hosts.ssh import SshHost
from slipway.machines import fleet, inventory
from slipway.machines.machine import Machine
from slipway.machines.provider import ProviderContext
from slipway.secrets.rules import core
from slipway.team.member import Team
from slipway.team.public_keys import SSH_KINDS, comment

LOOK = shell_scripts.read(__file__, "authorized_look.sh")
CHANGE = shell_scripts.read(__file__, "authorized_change.sh")
QUICK = 30.0


@dataclass(frozen=True)
class KeyThere:
    """A key that opens an account of a machine."""

    account: str
    key: str
    comment: str = ""


Answer = list[KeyThere] | SlipwayError


def look(place: ProviderContext) -> Mapping[str, Answer]:
    """Read which keys open each machine, by its name; what went wrong with one in their place."""
    machines = inventory.load(place.env, place.root)
    with fleet.connected(place, machines) as hosts:
        answers = parallel.attempt(hosts, _read)
    return {machine.name: answer for machine, answer in zip(machines, answers, strict=True)}


def change(
    place: ProviderContext, added: Sequence[str], removed: Collection[str]
) -> tuple[list[str], list[SlipwayError]]:
    """Put keys on every machine and take others off; repeating it converges.

    Return the machines that changed, and what went wrong with others.
    """
    machines = inventory.load(place.env, place.root)
    lines = [f"+ {key}\n" for key in added] + [f"- {_body(key)}\n" for key in removed]
    users = {machine.name: machine.user for machine in machines}

    def settle(host: SshHost) -> bool:
        user, data = users[host.name], "".join(lines).encode()
        return bool(sudo.as_root(host, CHANGE, user, stdin=data, timeout=QUICK).out.strip())

    with fleet.connected(place, machines) as hosts:
        answers = parallel.attempt(hosts, settle)
    names = [machine.name for machine in machines]
    changed = [name for name, answer in zip(names, answers, strict=True) if answer is True]
    return changed, [answer for answer in answers if isinstance(answer, SlipwayError)]


def own_identity(place: ProviderContext, machines: Sequence[Machine]) -> list[str]:
    """Return the key that rehearsal machines were made with, which is nobody's in the team."""
    keys = []
    for provider in {machine.provider for machine in machines}:
        identity = inventory.files(place.env, provider, place.root).identity
        if identity is not None and (public := identity.with_suffix(".pub")).is_file():
            keys.append(core(public.read_text(encoding="utf-8")))
    return keys


def differences(
    env: str, team: Team, there: Sequence[KeyThere], known: Collection[str] = ()
) -> tuple[list[str], list[KeyThere]]:
    """Return whose keys a machine lacks, and the keys there that open it for nobody of the team."""
    present = {each.key for each in there}
    entering = team.entering(env)
    missing = [
        member.name for member in entering if any(core(key) not in present for key in member.ssh)
    ]
    allowed = {core(key) for member in entering for key in member.ssh} | set(known)
    return missing, [each for each in there if each.key not in allowed]


def parse(text: str) -> list[KeyThere]:
    """Read lines of an account, a tab, and a line of authorized_keys; options may come first."""
    keys = []
    for line in text.splitlines():
        account, _, entry = line.partition("\t")
        words = entry.split()
        start = next((n for n, word in enumerate(words) if word in SSH_KINDS), None)
        if start is not None:
            key = " ".join(words[start:])
            keys.append(KeyThere(account, core(key), comment(key)))
    return keys


def _read(host: SshHost) -> list[KeyThere]:
    try:
        return parse(sudo.as_root(host, LOOK, timeout=QUICK).out)
    except Refused:  # no root there: one's own account at least
        text = 'sed "s/^/$(id -un)\t/" ~/.ssh/authorized_keys'
        return parse(host.run(["sh", "-euc", text], timeout=QUICK).out)


def _body(key: str) -> str:
    return core(key).split()[-1]
