"""Runbooks of others are told what breaks a run, and what a reader would miss; nothing else."""

from pathlib import Path

import pytest

from slipway.notebook.checking.check import check_others
from slipway.notebook.checking.selection import select
from slipway.project import ROOT
from tasks.cli import namespace
from tasks.command_index import CommandIndex

TASKS = CommandIndex(namespace)

HUGO = """---
title: QueueStuck
weight: 20
bookCollapseSection: true
params: {author: anna}
tags: [queue, workers]
---

# QueueStuck

## Meaning

The queue has not moved for ten minutes. {{< hint info >}}See [metrics](/docs/metrics){{< /hint >}}

## Diagnosis

```shell
kubectl -n $NAMESPACE get pods -l app=worker
kubectl -n $NAMESPACE logs <pod-name> --tail=50 | grep '<none>'
```

```
NAME       READY
worker-0   0/1
```

## Mitigation

1. Restart it:

    ```bash {linenos=table,hl_lines=[1]}
    kubectl -n "$NAMESPACE" delete pod <pod-name>
    ```

2. See [the other page](../redis) or [its page](redis.html).

## Rollback

```bash
kubectl -n $NAMESPACE rollout undo deploy/worker
```
"""

MKDOCS = """---
title: Certificates
description: When they run out
hide: [toc]
owner: [web, ops]
status: new
---

# Certificates

??? note "Older clusters"
    Ask.

``` {.sh .annotate title="renew.sh"}
certbot renew
```

```bash title="look" hl_lines="1"
openssl s_client -connect <host>:443 </dev/null | openssl x509 -noout -enddate
```

=== "nginx"

    ```sh
    nginx -s reload
    ```
"""

RUNME = """---
runme:
  id: 01HF7B0KJX
  version: v3
---

# Deploy

```sh { name=build interactive=false category=build }
make build
```

```sh {"id":"01HF7B0KJX","name":"ship"}
make ship VERSION=${VERSION:-1}
```
"""

WIKI = """Restart the **broker**
======================

Owner: @queue. Last change: long ago.

* log in: `ssh broker-<n>`
* stop it

~~~ shell
systemctl stop broker && sleep 5
for unit in broker broker-exporter; do
    systemctl status "$unit" || true
done
~~~

Impact
------

None.
"""


def complaints(text: str, folder: Path, name: str = "theirs.md") -> list[str]:
    path = folder / name
    path.write_text(text)
    problems = check_others([path], TASKS, folder)
    return [str(each).removeprefix(f"{folder}/") for each in problems]


@pytest.mark.parametrize("text", [HUGO, MKDOCS, RUNME, WIKI])
def test_what_other_tools_write_is_no_complaint(text: str, tmp_path: Path) -> None:
    assert complaints(text, tmp_path) == []


@pytest.mark.parametrize(
    ("broken", "line", "sentence"),
    [
        ("kubectl get pods |", 19, "something that is opened here is never closed"),
        ("kubectl get 'pods", 19, "nothing closes the ' that is opened here"),
        ("kubectl get <pod-name>)", 19, "near unexpected token `)'"),
        ("$ kubectl get pods (", 19, "near unexpected token `("),
    ],
)
def test_shell_that_bash_cannot_read_is_an_error(
    broken: str, line: int, sentence: str, tmp_path: Path
) -> None:
    text = HUGO.replace("kubectl -n $NAMESPACE logs <pod-name> --tail=50 | grep '<none>'", broken)
    errors = [each for each in complaints(text, tmp_path) if "the prompt" not in each]
    (error,) = errors
    assert error.startswith(f"theirs.md:{line}: bash cannot read this: {sentence}")


def test_a_fence_that_nothing_closes_is_an_error(tmp_path: Path) -> None:
    text = HUGO.replace("worker-0   0/1\n```\n", "worker-0   0/1\n")
    (again,) = complaints(text, tmp_path)
    assert "the fence of line 22 continues here: close it with ``` before" in again
    (open_,) = complaints("# A\n\n```yaml\na: b\n", tmp_path)
    assert open_.startswith("theirs.md:3: this fence is never closed: end it with a line of ```")


def test_a_prompt_is_an_error_with_the_two_ways_out(tmp_path: Path) -> None:
    text = "# A\n\n```bash\n# which ones?\n$ oc get pods\nNAME   READY\n$ oc get nodes\n```\n"
    advice = "take the prompt away, or call the fence console"
    expected = [f"theirs.md:5: bash would run the prompt before this command: {advice}"]
    assert complaints(text, tmp_path) == expected
    assert complaints(text.replace("bash", "console"), tmp_path) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("---\nownr: anna\n---\n# A\n", '2: warning: the front matter has no "ownr" (did you mean'),
        ("---\nlastTested: x\n---\n# A\n", '2: warning: the front matter has no "lastTested"'),
        ("---\nrisk: hihg\n---\n# A\n", '2: warning: risk is low, medium or high, not "hihg"'),
        ("# A\n\nSee [b](b.md).\n", "3: warning: there is no file b.md"),
        ("# A\n\nSee [b](#c).\n", "3: warning: this file has no heading #c"),
        ("# A\n\nSee [b][c].\n", "3: warning: the link [c] is not defined"),
        ("# A\n\n- [] look\n", "3: warning: a step by hand is written - [ ]"),
        ("# A\n\nRun `inv deplyo` then.\n", "3: warning: there is no task 'deplyo'"),
        ("# A\n\n```sh\ninv deplyo\n```\n", "4: there is no task 'deplyo'"),
        ("# A\n\n```sh {confrim}\nrm x\n```\n", '3: unknown attribute "confrim" (did you mean'),
    ],
)
def test_what_was_meant_for_this_kit_or_for_a_reader_is_told(
    text: str, sentence: str, tmp_path: Path
) -> None:
    (complaint,) = complaints(text, tmp_path)
    assert complaint.startswith(f"theirs.md:{sentence}")


def test_one_that_says_how_it_is_run_here_is_held_to_it(tmp_path: Path) -> None:
    text = '# A\n\n```sh {confirm}\necho "$NOWHERE"\n```\n\n```sh x=1\ntrue\n```\n'
    unset, braces = complaints(text, tmp_path)
    assert unset.startswith("theirs.md:4: $NOWHERE is set nowhere: no cell before sets it")
    assert braces == "theirs.md:7: attributes stand in braces: sh {x=1}"


def test_a_folder_is_checked_with_all_below_it_and_without_what_it_ignores(tmp_path: Path) -> None:
    for name in ("README.md", "a.md", "deep/er/b.md", "drafts/c.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# A\n\n```sh\nif\n```\n")
    (tmp_path / ".runbooks.yml").write_text("ignore: [drafts/]\nhouse_style: [a.md]\n")
    files = select(folder=str(tmp_path))
    assert [path.name for path in files.runbooks] == ["a.md"]
    assert [path.name for path in files.others] == ["b.md", "README.md"]
    assert (files.documents, len(files)) == ([], 3)


def test_our_own_project_is_checked_in_the_house_style() -> None:
    files = select()
    assert ROOT / "runbooks" / "deploy.md" in files.runbooks and files.others == []
    assert ROOT / "runbooks" / "README.md" in files.documents
