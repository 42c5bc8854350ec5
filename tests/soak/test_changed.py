"""`--changed` selects every unit test file that a broken module makes fail."""

import time

from tests.e2e.checkout import Checkout
from tests.soak import mutation
from tests.soak.rows import Rows


def test_every_test_file_that_a_broken_module_fails_is_selected(
    project: Checkout, rows: Rows, size: dict[str, float]
) -> None:
    root = project.root
    impact = mutation.graph(root)
    tests = [test for test in impact.tests if test.startswith("tests/unit/")]
    began, modules, failures = time.monotonic(), 0, 0
    with rows.measure("tests selected by `--changed`", f"{size['SOAK_SECONDS']:.0f} s") as row:
        flawed = mutation.failing(root, tests)  # in a clone under another name some may fail anyway
        for module in mutation.sample(root, impact, tests):
            if modules and time.monotonic() - began > size["SOAK_SECONDS"]:
                break
            with mutation.mutated(root / module):
                failed = mutation.failing(root, tests) - flawed
                missed = failed - set(mutation.selected(impact, tests, module))
                # Beside other work a test may run out of time; what the module breaks fails alone.
                missed = mutation.failing(root, sorted(missed)) if missed else missed
            modules, failures = modules + 1, failures + len(failed)
            row.amount = f"{modules} modules whose functions all raise"
            assert not missed, f"{module} fails {sorted(missed)}, which are not selected"
        row.result = f"{failures} failing test files, all of them selected"
        assert failures
