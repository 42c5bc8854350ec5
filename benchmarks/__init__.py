"""Side-by-side measurements, one module per claim; results go to docs/benchmarks.md."""

# Each claim with the module here whose `measure` looks at it.
CLAIMS = {
    "list": "listing",
    "completion": "completion",
    "deploy": "deploys",
    "plan": "plan",
    "migrations": "migrations",
    "backup": "backup",
    "restore": "restore",
    "physical": "physical",
    "check": "runbooks_check",
    "prompt": "runbook_start",
    "cells": "runbook_cells",
    "secrets": "secret_files",
}
