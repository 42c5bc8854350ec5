"""What is in the database: begun anew, seeded, asked, looked at with psql."""
