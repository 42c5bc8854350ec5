"""Which steps bring a release into service, back into service, or finish what was interrupted.

The story of a deploy, in order: build, ship, deliver secrets, keep data and edge as described,
migrate, run the release's own jobs, fill the idle colour, see it stay healthy, look at it from
every edge, let a share of the visitors meet it where that is asked for, cut over, see it stay
healthy with users, write it down; then, when nothing can fail any more, drain and stop the old
colour and tidy up.
"""

from functools import partial

from slipway.plan import Plan, Step
from slipway.releases import canary, job_schedule, old_colour, release_jobs, schedule, watch
from slipway.releases.deployment import Deployment
from slipway.releases.release import Release


def deploy(deployment: Deployment) -> Plan:
    """Return the steps up to the point of no return; each undoes what it did to the service."""
    env, number = deployment.env.name, deployment.release.number
    head, phase = deployment.release.migration_head, release_jobs.of(deployment.release)
    steps = [
        *_hook_steps(deployment, "before-deploy"),
        Step("check", f"check free ports and disk on {deployment.machines}", deployment.check),
        *_hook_steps(deployment, "before-build"),
        Step("build", _describe_build(deployment), deployment.build),
        Step("ship", f"bring the images to {deployment.machines}", deployment.ship),
        Step("secrets", "deliver secrets the Swarm does not hold yet", deployment.deliver_secrets),
        *_standing_steps(deployment),
        Step("back up", "back up the database before it is migrated", deployment.back_up),
        *_hook_steps(deployment, "before-migrate"),
        Step("migrate", f"migrate the database to {head}", deployment.migrate),
        Step("release", release_jobs.describe(phase), deployment.run_release_jobs),
        *_colour_steps(deployment, "before-cutover"),
        Step("settle", f"record that release {number} is live", deployment.settle),
    ]
    spared = {
        name for name, is_empty in (("migrate", not head), ("release", not phase)) if is_empty
    }
    spared |= set() if deployment.schema.wants_backup else {"back up"}
    steps = [step for step in steps if step.name not in spared]
    return Plan(f"deploy release {number} to {env}", steps)


def rollback(deployment: Deployment) -> Plan:
    """Return the steps of a rollback: a past release, as it was, into the idle colour.

    Where that runs it still, the edges are all that has to move.
    """
    if deployment.is_warm_return:
        return _warm_return(deployment)
    steps = [
        Step("check", f"check data, and images on {deployment.machines}", deployment.check_images),
        *_standing_steps(deployment),
        *_colour_steps(deployment),
        Step("settle", f"record that {deployment.release.label} is live", deployment.settle),
    ]
    return Plan(f"return {deployment.env.name} to {deployment.release.label}", steps)


def _warm_return(deployment: Deployment) -> Plan:
    release = deployment.release
    steps = old_colour.take_back(deployment)
    if deployment.standing.differ_for_users():  # operations have time
        steps += [*_standing_steps(deployment), *_detour_steps(deployment)]
    steps += [
        _cut_over(deployment),
        Step("settle", f"record that {release.label} is live", deployment.settle),
    ]
    return Plan(f"return {deployment.env.name} to {release.label}, which is warm", steps)


def finish(deployment: Deployment) -> Plan:
    """Return what an interrupted deploy of the serving release still had to do."""
    steps = [] if deployment.standing.is_as_described() else _standing_steps(deployment)
    stop = Step("stop", f"stop what is left of {deployment.colour}", deployment.stop_idle)
    steps += [
        Step("signpost", "show the live routes to edges that start", deployment.show_live_routes),
        *([] if deployment.warm else [stop]),
        *_schedule_steps(deployment, deployment.live),
        *_job_steps(deployment, deployment.live),
    ]
    return Plan(f"finish the deploy of {deployment.env.name}", steps)


def tidy_up(deployment: Deployment) -> Plan:
    """Return the steps after the point of no return; nothing in them is rolled back."""
    is_warm = deployment.is_warm_return
    steps = _hook_steps(deployment, "after-cutover")
    if deployment.is_led_past_edges:
        leave = "wait for what is open at the edges that stood in"
        steps.append(Step("edges", leave, deployment.lead_to_edges))
    steps += (old_colour.hand_over if is_warm else old_colour.after_cutover)(deployment)
    steps += _schedule_steps(deployment, deployment.release)
    steps += _job_steps(deployment, deployment.release)
    return Plan(f"tidy up {deployment.env.name}", steps)


def clean_up(deployment: Deployment) -> Plan:
    """Return the last steps, which change nothing of what serves: that is looked at meanwhile."""
    steps = _hook_steps(deployment, "after-deploy")
    if not deployment.draft.is_recorded:
        prune = Step("prune", "remove what no kept release needs", deployment.prune)
        steps.insert(0, prune)
    return Plan(f"clean up {deployment.env.name}", steps)


def _standing_steps(deployment: Deployment) -> list[Step]:
    data, edge = "keep database and operations as described", "keep an edge on every machine"
    wait = "wait for backups and restores that a change of these would end"
    return [
        Step("wait", wait, deployment.wait_for_work, deployment.let_work_begin),
        Step("data", data, deployment.keep_data, deployment.return_data),
        Step("edge", edge, deployment.keep_edge, deployment.return_edge),
    ]


def _schedule_steps(deployment: Deployment, release: Release | None) -> list[Step]:
    env, cluster, observed = deployment.env, deployment.cluster, deployment.observed
    return schedule.steps(env, cluster, observed, release, deployment.reporter)


def _job_steps(deployment: Deployment, release: Release | None) -> list[Step]:
    return job_schedule.steps(deployment.env, deployment.cluster, deployment.observed, release)


def _hook_steps(deployment: Deployment, moment: str) -> list[Step]:
    """Return the step that runs a program of the team's own, where there is one for the moment."""
    if not deployment.hooks.has(moment):
        return []
    return [Step(moment, f"run hooks/{moment}", partial(deployment.run_hook, moment))]


def _colour_steps(deployment: Deployment, *hooks: str) -> list[Step]:
    colour = deployment.colour
    start = f"start {colour}{f' next to {deployment.old}' if deployment.old else ''}"
    return [
        *old_colour.make_room(deployment),
        Step("fill", start, deployment.fill, deployment.empty),
        Step("smoke", f"check {colour} from every edge", deployment.smoke),
        *_certificate_steps(deployment),
        *(step for hook in hooks for step in _hook_steps(deployment, hook)),
        *canary.steps(deployment),
        *_detour_steps(deployment),
        _cut_over(deployment),
        Step("watch", watch.describe(deployment), lambda: watch.run(deployment)),
    ]


def _certificate_steps(deployment: Deployment) -> list[Step]:
    if not deployment.release.of("certificates"):
        return []
    text = "see that every edge has its certificates"
    return [Step("certificates", text, deployment.await_certificates)]


def _detour_steps(deployment: Deployment) -> list[Step]:
    """Return the step before a cutover that has edges load other routes; none on this computer."""
    if deployment.env.is_local or not deployment.loads_routes:
        return []
    text = "have others stand in for the edges, which load other routes"
    return [Step("stand in", text, deployment.lead_past_edges, deployment.lead_to_edges)]


def _cut_over(deployment: Deployment) -> Step:
    text = f"move every edge to {deployment.colour}"
    return Step("cut over", text, deployment.cut_over, deployment.cut_back)


def _describe_build(deployment: Deployment) -> str:
    names = sorted(build.service for build, _ in deployment.draft.unbuilt)
    return f"build {', '.join(names)}" if names else "images are built"
