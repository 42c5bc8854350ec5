"""Where a shell would run `inv`, and where it is only spoken of."""

from slipway.notebook.checking import command_check
from slipway.notebook.commands import UNKNOWN


def found(source: str) -> list[tuple[int, str]]:
    return [(each.line + 1, " ".join(each.words)) for each in command_check.in_shell(source)]


def test_commands_are_found_where_a_shell_would_run_them() -> None:
    source = """FOO=1 inv a --x='p q' \\
  --y=$Y | tee log && (cd x; ./inv b)
if ! inv c; then time sudo -u ops .venv/bin/inv d; fi
NEW=$(inv e --json); echo "$(inv f)"
for x in 1 2; do env A=1 timeout 1.5m inv g; done &
cat <<EOF
inv no
$(inv h)
EOF
xargs -n1 inv i <(inv j)
case $X in (*) "inv" k --x="a${B}c";; esac
"""
    assert found(source) == [
        (1, f"a --x=p q --y={UNKNOWN}"),
        *[(2, "b"), (3, "c"), (3, "d"), (4, "e --json"), (4, "f"), (5, "g"), (8, "h")],
        *[(10, f"i {UNKNOWN} {UNKNOWN}"), (10, "j"), (11, f"k --x=a{UNKNOWN}c")],
    ]


def test_what_only_speaks_of_inv_is_no_command() -> None:
    quiet = "echo inv a # inv b\ncat <<'EOF'\n$(inv c)\nEOF\nprintf 'inv d'; command -v inv docker"
    assert found(quiet) == []
