"""How a backup is stored: its manifest, its parts, its encryption and sums."""
