"""The system below: who is root, which files give that away, the kernel, security updates."""

from collections.abc import Iterator

from slipway.machines.audit.facts import Facts
from slipway.machines.audit.finding import Finding, high, low, medium

DAY = 86_400
STALE = 14 * DAY
NOBODY_ELSE = ("/etc/shadow", "/etc/gshadow", "/etc/sudoers")
SOCKET = "/var/run/docker.sock"
# Name, what it has to be, and whether without it a fault of a program is easier to use.
KERNEL = (
    ("kernel.randomize_va_space", ("2",), True),
    ("fs.suid_dumpable", ("0", "2"), True),
    ("fs.protected_symlinks", ("1",), True),
    ("fs.protected_hardlinks", ("1",), True),
    ("net.ipv4.conf.all.accept_source_route", ("0",), True),
    ("net.ipv4.tcp_syncookies", ("1", "2"), False),
    ("net.ipv4.conf.all.accept_redirects", ("0",), False),
    ("net.ipv4.conf.all.send_redirects", ("0",), False),
    ("kernel.dmesg_restrict", ("1",), False),
    ("kernel.kptr_restrict", ("1", "2"), False),
    ("kernel.unprivileged_bpf_disabled", ("1", "2"), False),
)
SYSCTL = "/etc/sysctl.d/60-slipway.conf"


def judge(facts: Facts) -> Iterator[Finding]:
    """Find who else is root, or could become it, and what is not up to date."""
    yield from _users(facts)
    yield from _files(facts)
    yield from _kernel(facts)
    yield from _updates(facts)


def _users(facts: Facts) -> Iterator[Finding]:
    for name in facts.of("root"):
        if name != "root":
            yield high("users.root", f"{name} is root by another name (uid 0)", f"userdel {name}")
    for name in facts.of("no-password"):
        yield high("users.no-password", f"{name} has an empty password", f"passwd --lock {name}")
    if members := [name for name in facts.of("docker-member") if name]:
        remedy = "take out whoever should not be root: gpasswd --delete NAME docker"
        text = f"{', '.join(members)}: in the group docker, so root without sudo's log"
        yield low("users.docker-group", text, remedy)


def _files(facts: Facts) -> Iterator[Finding]:
    for file in facts.files("file"):
        bits = 0o022
        if file.path in NOBODY_ELSE or file.path.startswith("/etc/sudoers.d/"):
            bits = 0o037
        elif file.path == SOCKET:
            bits = 0o007
        if file.is_open(bits):
            letters = {0o022: "go-w", 0o037: "g-wx,o-rwx", 0o007: "o-rwx"}[bits]
            text = f"{file.path} is {file.mode:o} {file.owner}; whoever changes it is root"
            if bits == 0o037:
                text = f"{file.path} is {file.mode:o} {file.owner}; others read or change it"
            remedy = f"chown root {file.path}; chmod {letters} {file.path}"
            yield high("users.files", text, remedy)


def _kernel(facts: Facts) -> Iterator[Finding]:
    """A machine that is a container has the kernel of its computer, which is not its to set."""
    values = dict(value.split(" ", 1) for value in facts.of("sysctl"))
    for is_grave in (True, False):
        wrong = [
            f"{name}={expected[0]}"
            for name, expected, grave in KERNEL
            if grave is is_grave and values.get(name, expected[0]) not in expected
        ]
        if wrong:
            names = ", ".join(each.partition("=")[0] for each in wrong)
            remedy = f"printf '%s\\n' {' '.join(wrong)} >>{SYSCTL} && sysctl --system"
            kind = medium if is_grave and not facts.is_contained else low
            yield kind("kernel.settings", f"the kernel is laxer than it could be: {names}", remedy)


def _updates(facts: Facts) -> Iterator[Finding]:
    update = "apt-get update && apt-get upgrade, one machine at a time"
    if facts.is_contained:  # its packages are those of its image, and go with it
        remedy = "docker image rm the slipway/host here, then make the machine anew"
        yield low("updates.image", "it is a container, made of the image's packages", remedy)
        return
    if waiting := sorted(set(facts.of("security-update"))):
        text = f"{len(waiting)} security updates wait: {', '.join(waiting[:5])}"
        yield medium("updates.security", text, update)
    age = int(next(iter(facts.of("lists-age")), "0"))
    if not facts.has("lists-age"):
        yield medium("updates.unknown", "whether updates wait cannot be told: no lists", update)
    elif age > STALE:
        text = f"whether updates wait was last asked {age // DAY} days ago"
        yield medium("updates.unknown", text, update)
    if facts.has("reboot"):
        packages = facts.of("reboot")[0] or "an update"
        remedy = "drain it, reboot, take it back: docs/operations.md, Machines"
        yield medium("updates.reboot", f"{packages} waits for a reboot", remedy)
    if not facts.has("unattended"):
        remedy = "apt-get install unattended-upgrades, without docker.io, which ends containers"
        yield low("updates.unattended", "security updates are not installed by themselves", remedy)
