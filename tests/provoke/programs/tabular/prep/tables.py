"""Reading and checking tables."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = ["Timestamp", "sensor_id", "payload", "attack"]


class SchemaError(Exception):
    """A table is not what the pipeline is built for."""


def read_table(path):
    return pd.read_csv(path)


def checked(frame, path):
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise SchemaError(f"{path}: missing columns {missing}, found {list(frame.columns)}")
    return frame


def features_of(frame):
    payload = frame["payload"].astype(float)
    return np.column_stack([payload, payload.diff().fillna(0)]), frame["attack"].astype(int).to_numpy()


def read_all(folder, pattern="train_*/*.csv"):
    paths = sorted(Path(folder).glob(pattern))
    return pd.concat([read_table(path) for path in paths])


def read_cache(path):
    with open(path, "rb") as file:
        return pickle.load(file)


def read_metadata(path):
    with open(path) as file:
        return json.load(file)
