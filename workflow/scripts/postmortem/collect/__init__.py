"""What can be observed about one run: one reader per kind of evidence, no opinions."""
