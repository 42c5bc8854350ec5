"""How the Docker Engine is set up, and its part in the Swarm."""

from collections.abc import Iterator

from slipway.machines.audit.facts import Facts
from slipway.machines.audit.finding import Finding, high, low, medium
from slipway.machines.engine import OLDEST

CONFIG = "/etc/docker/daemon.json"


def judge(facts: Facts, again: str) -> Iterator[Finding]:
    """Find what the engine lets containers do, or strangers send it.

    `again` is the command that brings a machine up to date.
    """
    info = facts.engine
    if not info.get("ServerVersion"):
        yield medium("engine.answer", "its Docker Engine does not answer", again)
        return
    major = int(info["ServerVersion"].partition(".")[0])
    if major < OLDEST:
        yield medium("engine.version", f"Docker Engine {info['ServerVersion']} is too old", again)
    options = info.get("SecurityOptions") or []
    if not any(option.startswith("name=no-new-privileges") for option in options):
        text = "a program in a container may become root by setuid (no-new-privileges is off)"
        yield medium("engine.privileges", text, again)
    if not any(option.startswith("name=seccomp") for option in options):
        text = "containers may call all of the kernel (no seccomp)"
        yield high("engine.seccomp", text, "install a kernel with CONFIG_SECCOMP_FILTER")
    elif any("profile=unconfined" in option for option in options):
        remedy = f"take seccomp-profile out of {CONFIG}, restart docker"
        yield high("engine.seccomp", "containers may call all of the kernel (seccomp)", remedy)
    if not any(option.startswith(("name=apparmor", "name=selinux")) for option in options):
        text = "neither AppArmor nor SELinux confines containers"
        yield low("engine.confinement", text, "apt-get install apparmor, reboot")
    yield from _settings(facts, again)


def _settings(facts: Facts, again: str) -> Iterator[Finding]:
    info = facts.engine
    config = " ".join(facts.of("engine-config"))
    driver = info.get("LoggingDriver")
    if driver == "json-file" and '"max-size"' not in config:
        yield medium("engine.logs", "logs of containers grow until the disk is full", again)
    registries = (info.get("RegistryConfig") or {}).get("InsecureRegistryCIDRs") or []
    indexes = ((info.get("RegistryConfig") or {}).get("IndexConfigs") or {}).values()
    insecure = [each for each in registries if not each.startswith(("127.", "::1"))]
    insecure += [each["Name"] for each in indexes if not each.get("Secure", True)]
    if insecure:
        text = f"images come unproven from {', '.join(sorted(insecure))}"
        remedy = f"give the registry TLS, take insecure-registries out of {CONFIG}"
        yield high("engine.registries", text, remedy)
    if info.get("Debug"):
        remedy = f"take debug out of {CONFIG}, restart docker"
        yield low("engine.debug", "the engine writes what it is asked into its log", remedy)
    swarm = info.get("Swarm") or {}
    spec = ((swarm.get("Cluster") or {}).get("Spec") or {}).get("EncryptionConfig") or {}
    if swarm.get("ControlAvailable") and not spec.get("AutoLockManagers"):
        text = "who steals its disk reads the Swarm's secrets (no autolock)"
        remedy = "encrypt the disk; or docker swarm update --autolock=true, and unlock by hand"
        yield low("engine.autolock", text, remedy)
