"""Runbooks of the machines themselves: upgraded, added, lost, lost nearly all, and gone.

Their tests run last of those that share the machines.
"""

import pytest

from tests.e2e import rig
from tests.e2e.checkout import Checkout, docker
from tests.e2e.rig import Follow, Rig
from tests.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
STAGING = "--env=staging"


def test_a_manager_that_freezes_stops_no_deploy_that_may_continue(
    three: Rig, project: Checkout
) -> None:
    """The one that the deploy speaks to, while a colour is filled; tests/soak has both ends."""
    name = three.spare()
    others = three.lead_with(name)  # in the order in which they joined
    before = three.releases()
    text = rig.deploy_while_frozen(three, name, "21", "--skip-unreachable").expect().text
    assert f"; continuing with {others[0]}" in text, text
    assert f"continuing without {name}" in text
    assert before & three.releases(others) == set()
    three.deploy()
    assert len(three.releases()) == 1
    project.inv("status", STAGING, "--check").expect()
    signposts = [node for task, node in three.replicas().items() if "signpost" in task]
    assert len(set(signposts)) == 2


def test_our_own_machines_pass_an_audit_and_a_hole_is_found_with_what_mends_it(
    three: Rig, project: Checkout
) -> None:
    found = project.inv("machine.audit", STAGING, "--json").expect().json
    assert {each["machine"] for each in found} == set(three.roles())
    assert {each["severity"] for each in found} == {"low"}

    name = three.spare()
    three.on(name, "chmod", "666", "/var/run/docker.sock")
    found = project.inv("machine.audit", STAGING, "--json").expect(5).json
    (hole,) = (each for each in found if each["severity"] == "high")
    assert (hole["machine"], hole["check"]) == (name, "users.files")
    three.on(name, "sh", "-c", hole["remedy"])
    project.inv("machine.audit", STAGING).expect()


def test_a_firewall_that_is_gone_is_a_difference_with_the_command_that_brings_it_back(
    three: Rig, project: Checkout
) -> None:
    name = three.spare()
    three.on(
        name,
        "sh",
        "-c",
        "kill -TERM -$(cat /run/slipway-firewall.pid); nft delete table inet slipway",
    )
    again = f"inv machine.provision {STAGING} --name={name}"
    status = project.inv("status", STAGING, "--check").expect(5)
    assert f"{name} has no firewall for the Swarm's ports: {again}" in status.text
    project.inv(*again.split()[1:]).expect()
    project.inv("status", STAGING, "--check").expect()


def test_an_engine_is_brought_up_to_date_while_its_work_is_elsewhere(
    three: Rig, project: Checkout, follow: Follow
) -> None:
    name = three.spare()
    follow("upgrade-docker", f"--set=name={name}")
    assert "Drain" not in three.on(name, "docker", "node", "ls")


def test_a_machine_more_and_its_way_back(three: Rig, project: Checkout, follow: Follow) -> None:
    follow("machine", "--set=provider=local", "--set=name=m4")
    assert "m4" in project.inv("machine.ls", STAGING).expect().out
    follow("machine", "--set=provider=local", "--set=name=m4", "--section=roll-back")
    assert "m4" not in project.inv("machine.ls", STAGING).expect().out


def test_a_lost_machine_is_replaced(three: Rig, project: Checkout, follow: Follow) -> None:
    lost = three.spare()
    keeper = next(name for name, role in three.roles().items() if "data" in role)
    docker("kill", three.container(lost))
    wait_until("it is seen", lambda: "Down" in three.on(keeper, "docker", "node", "ls"))
    follow("host-lost", "--set=provider=local", f"--set=name={lost}", "--set=new=m5")
    left = three.roles()
    assert lost not in left
    assert len(left) == 3
    project.inv("status", STAGING, "--check").expect()


def test_one_manager_goes_on_when_two_are_lost(
    three: Rig, project: Checkout, follow: Follow
) -> None:
    keeper, *_ = (name for name, role in three.roles().items() if "data" in role)
    dead = [name for name in three.roles() if name != keeper]
    for name in dead:
        docker("kill", three.container(name))
    status = project.inv("status", STAGING, "--check")

    def is_named() -> bool:
        nonlocal status  # the last manager leads on for some seconds
        status = project.inv("status", STAGING, "--check")
        return "runbooks/lost-quorum.md" in status.text

    wait_until("the runbook is named", is_named, lambda: status.text)
    assert keeper in status.expect(5).out and "docker node" not in status.text
    follow("lost-quorum", f"--set=name={keeper}", f"--set=dead={' '.join(dead)}")
    assert set(three.roles()) == {keeper}
    project.inv("status", STAGING, "--check").expect()


def test_an_environment_is_removed_with_its_machines(
    three: Rig, project: Checkout, follow: Follow
) -> None:
    follow("destroy", "--set=machines=remove")
    assert project.inv("machine.ls", STAGING, "--json").expect().json == []
    label = f"label=slipway.app={three.app}"
    assert docker("ps", "--all", "--quiet", "--filter", label) == ""
