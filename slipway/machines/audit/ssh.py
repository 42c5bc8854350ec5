"""Who gets in over SSH: passwords, root, old algorithms, keys that others could change."""

from collections.abc import Iterator

from slipway.machines.audit.facts import Facts
from slipway.machines.audit.finding import Finding, high, low, medium

OURS = "/etc/ssh/sshd_config.d/10-slipway.conf"
WEAK = ("3des", "arcfour", "blowfish", "cast128", "-cbc", "hmac-md5", "sha1-96", "group1-sha1",
        "group14-sha1", "group-exchange-sha1", "ssh-dss")  # fmt: skip
OTHERS_WRITE = 0o022
OTHERS_READ = 0o077
LEAST_BITS = {"(DSA)": 1 << 30, "(RSA)": 2048}


def judge(facts: Facts) -> Iterator[Finding]:
    """Find what lets somebody in, or would make that easier."""
    sshd = facts.sshd
    if not sshd:
        remedy = "look at what it says there: sshd -t"
        yield medium("ssh.config", "how its sshd is set up cannot be read", remedy)
        return
    passwords = [
        option
        for option in ("passwordauthentication", "kbdinteractiveauthentication")
        if sshd.get(option, "yes") != "no"
    ]
    if passwords:
        words = ", ".join(passwords)
        lines = " ".join(f"'{option} no'" for option in passwords)
        yield high("ssh.passwords", f"sshd lets people in with passwords ({words})", _set(lines))
    if sshd.get("permitemptypasswords") == "yes":
        remedy = _set("'PermitEmptyPasswords no'")
        yield high("ssh.empty-passwords", "sshd lets people in without a password", remedy)
    yield from _root(sshd.get("permitrootlogin", "yes"), has_passwords=bool(passwords))
    weak = [
        name
        for option in ("ciphers", "macs", "kexalgorithms", "hostkeyalgorithms")
        for name in sshd.get(option, "").split(",")
        if any(part in name for part in WEAK)
    ]
    if weak:
        remedy = "take Ciphers, MACs and KexAlgorithms out of /etc/ssh, so that OpenSSH chooses"
        yield medium("ssh.algorithms", f"sshd offers what is broken: {', '.join(weak[:5])}", remedy)
    if sshd.get("x11forwarding") == "yes":
        remedy = _set("'X11Forwarding no'")
        yield low("ssh.x11", "sshd forwards X11, which a server has no need of", remedy)
    if int(sshd.get("maxauthtries", "6")) > 6:
        remedy = _set("'MaxAuthTries 6'")
        yield low("ssh.tries", "a connection may try more than 6 times to get in", remedy)
    yield from _keys(facts)


def _root(permitted: str, *, has_passwords: bool) -> Iterator[Finding]:
    if permitted == "no":
        return
    line = _set("'PermitRootLogin no'")
    remedy = f"adopt it as a user with sudo, then {line}"
    if permitted == "yes" and has_passwords:
        yield high("ssh.root", "root gets in with a password", remedy)
    else:
        yield low("ssh.root", "root gets in with a key, and no log says who that was", remedy)


def _keys(facts: Facts) -> Iterator[Finding]:
    for file in facts.files("host-key"):
        if file.is_open(OTHERS_READ & ~0o040):  # some systems have a group for them
            remedy = f"chmod 600 {file.path}; then make new ones, and inv machine.create again"
            yield high("ssh.host-keys", f"others may read {file.path}", remedy)
    for word in ("home", "keys"):
        for value in facts.of(word):
            mode, owner, path, user = value.split(" ")
            if int(mode, 8) & OTHERS_WRITE or owner not in (user, "root"):
                remedy = f"chown {user} {path}; chmod go-w {path}"
                yield high("ssh.keys", f"others may write {path}, so they get in as {user}", remedy)
    for value in facts.of("key"):
        bits, kind, user = value.split(" ")
        if int(bits) < LEAST_BITS.get(kind, 0):
            remedy = "have its owner make another: ssh-keygen -t ed25519"
            yield medium("ssh.weak-key", f"{user} has a key of {bits} bits {kind}", remedy)


def _set(lines: str) -> str:
    return f"printf '%s\\n' {lines} >>{OURS} && systemctl reload ssh"
