"""What a shell offers at TAB: tasks, flags and values of this project."""
