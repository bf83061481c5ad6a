"""What an exception says by its type, its frames and its message."""
