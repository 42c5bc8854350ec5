"""The schema of the database: migrations written, judged, applied and taken back."""
