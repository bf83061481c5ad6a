"""Files that a run leaves beside its logs: configuration, curves, metrics, data, trackers' databases."""
