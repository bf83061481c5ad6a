"""Logs: the pass over them, tracebacks, and the statements that they make."""
