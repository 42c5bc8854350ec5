"""What `inv` loads; it stands in for the `tasks` package beside it."""

import sys
from pathlib import Path

# Invoke switches bytecode off before it loads this file, which costs 70 ms at every start.
sys.dont_write_bytecode = False

# `inv` loads this file under the name "tasks". A module with a __path__ is a package, so this
# one line makes `tasks.db`, `tasks.deploy`, ... resolve to the folder, here as everywhere else.
__path__ = [str(Path(__file__).with_suffix(""))]

from tasks.cli import namespace  # noqa: E402

__all__ = ["namespace"]
