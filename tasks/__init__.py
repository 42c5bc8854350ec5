"""The tasks behind `inv`. Keep this file empty: see ../tasks.py."""
