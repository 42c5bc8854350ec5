"""What differs between dev, testing, staging and prod: settings, files, the frozen Environment."""
