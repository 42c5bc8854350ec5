"""Projects made from the kit: begun, looked at, upgraded."""
