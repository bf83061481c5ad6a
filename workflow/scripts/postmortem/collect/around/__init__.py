"""What stands around a run: its code, the last good run, the runs that it needs."""
