"""Two environments side by side: what is another there, whether that is meant, and why.

A difference is declared where it is made: a setting's by `differs` in its rule, a service's under
`x-differs` in an overlay, as `worker.replicas: why`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from slipway.backups.schedule import policy
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import ConfigError
from slipway.releases import application, compose_labels, register
from slipway.releases.application import Service
from slipway.secrets import overview
from slipway.suggest import nearest
from slipway.yaml_file import read_yaml

Kind = Literal["setting", "secret", "service", "schedule", "served"]
DECLARED = "x-differs"
# What of a service is compared by a word of its own; all else by its key in the compose file.
LABELS = {"slipway.schedule": "schedule"}
APART = ("environment", "deploy", "networks", "volumes", "labels", "secrets", "configs")


@dataclass(frozen=True)
class Difference:
    """One thing that is another in the second environment; without a reason it is not meant."""

    kind: Kind
    name: str
    first: str
    second: str
    reason: str = ""


def differences(first: Environment, second: Environment) -> list[Difference]:
    """Compare settings, secrets' presence, services and schedules of two environments."""
    reasons = _reasons(first) | _reasons(second)
    apps = [{each.name: each for each in application.read(env).services} for env in (first, second)]
    for name in sorted(reasons):
        service = name.partition(".")[0]
        if not any(service in app for app in apps):
            hint = nearest(service, {*apps[0], *apps[1]})
            raise ConfigError(f"compose/: {DECLARED}: {name}: there is no service {service}{hint}")
    return [
        *_settings(first, second),
        *_secrets(first, second),
        *_services((first, second), (apps[0], apps[1]), reasons),
        *_jobs(first, second),
    ]


def served(first: Environment, second: Environment) -> list[Difference]:
    """Compare what serves in two environments: commits, migrations and images. It connects."""
    releases = []
    for env in (first, second):
        with register.opened(env) as records:
            releases.append(records.show(0).release)
    one, two = releases
    facts = [("commit", one.commit, two.commit)]
    facts += [("migrations", one.migration_head, two.migration_head)]
    for name in sorted(one.tags.keys() | two.tags.keys()):
        here, there = _tag(first, one.tags.get(name, "")), _tag(second, two.tags.get(name, ""))
        facts += [(f"image of {name}", here, there)]
    return [Difference("served", name, here, there) for name, here, there in facts if here != there]


def _tag(env: Environment, tag: str) -> str:
    return tag.rpartition("/")[2].replace(env.prefix, "PREFIX")


def _settings(first: Environment, second: Environment) -> Iterator[Difference]:
    for rule in first.rules.values():
        one, two = (env.settings.get(rule.key, "") for env in (first, second))
        if not rule.secret and one != two:
            yield Difference("setting", rule.key, one, two, rule.differs)


def _secrets(first: Environment, second: Environment) -> Iterator[Difference]:
    pairs = overview.names_apart(overview.entries(first), overview.entries(second))
    for name, one, two in pairs:
        rule = first.rules[name]
        is_meant = rule.required not in (True, False)  # a list says which environments need it
        declared = "only some environments need it" if is_meant else ""
        yield Difference("secret", name, one, two, rule.differs or declared)


def _services(
    envs: tuple[Environment, Environment],
    apps: tuple[Mapping[str, Service], Mapping[str, Service]],
    reasons: Mapping[str, str],
) -> Iterator[Difference]:
    one, two = apps
    for name in sorted(one.keys() | two.keys()):
        if name not in one or name not in two:
            here, there = ("there" if name in each else "" for each in (one, two))
            yield Difference("service", name, here, there, reasons.get(name, ""))
            continue
        facts, others = _facts(envs[0], one[name]), _facts(envs[1], two[name])
        for key in sorted(facts.keys() | others.keys()):
            if facts.get(key, "") != others.get(key, ""):
                label = f"{name}.{key}"
                values = facts.get(key, ""), others.get(key, "")
                yield Difference("service", label, *values, reasons.get(label, ""))


def _facts(env: Environment, service: Service) -> dict[str, str]:
    """Return what a service is, without what every environment calls after itself."""
    spec, deploy = service.spec, service.spec.get("deploy") or {}
    labels = compose_labels.of(spec)
    facts = {
        "image": str(spec.get("image", "")),
        "replicas": str(deploy.get("replicas", 1)),
        "resources": _text(deploy.get("resources")),
        "secrets": _text(sorted(_source(each) for each in spec.get("secrets") or ())),
    }
    facts |= {word: labels[label] for label, word in LABELS.items() if label in labels}
    facts |= {key: _text(value) for key, value in spec.items() if key not in {*facts, *APART}}
    return {key: text.replace(env.prefix, "PREFIX") for key, text in facts.items() if text}


def _source(secret: object) -> str:
    return str(secret.get("source")) if isinstance(secret, dict) else str(secret)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        pairs = ((key, _text(each)) for key, each in sorted(value.items()))
        return ", ".join(f"{key}={text}" for key, text in pairs if text)
    if isinstance(value, list):
        return " ".join(map(_text, value))
    return "" if value is None else str(value)


def _jobs(first: Environment, second: Environment) -> Iterator[Difference]:
    """Compare when backups, drills and pruning run; how long what is kept is each one's own."""
    path = first.compose.parent / policy.NAME
    if not path.is_file():
        return
    known = environment.names(first.compose)
    one, two = (policy.read(path, env.name, known).when for env in (first, second))
    for job in policy.JOBS:
        if one.get(job) != two.get(job):
            yield Difference("schedule", job, one.get(job, "off"), two.get(job, "off"))


def _reasons(env: Environment) -> dict[str, str]:
    path = env.compose / f"compose.{env.name}.yml"
    document = read_yaml(path, f"compose/{path.name}") if path.is_file() else None
    declared = document.get(DECLARED) if isinstance(document, dict) else None
    if declared is None:
        return {}
    is_text = isinstance(declared, dict) and all(
        isinstance(each, str) and each for each in declared.values()
    )
    if not is_text:
        raise ConfigError(
            f'compose/{path.name}: {DECLARED} must be lines such as worker.replicas: "why"'
        )
    return {str(name): str(reason) for name, reason in declared.items()}
