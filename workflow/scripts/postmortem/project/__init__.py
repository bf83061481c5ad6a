"""What is watched: the project, its profile, and its runs."""
