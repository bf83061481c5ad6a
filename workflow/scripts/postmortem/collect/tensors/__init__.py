"""Checkpoints and caches of tensors, read in a process with limits; nothing in them is run."""
