"""One cell run for real: its shell, its terminal, its output, what it leaves to the next."""
