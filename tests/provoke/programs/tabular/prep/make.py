"""Small tables, as the loggers of the vehicles write them: some of them broken."""

import pickle

import numpy as np
import pandas as pd


def plain(path, rows=40, attacks=True):
    frame = pd.DataFrame(
        {
            "Timestamp": np.arange(rows) / 10,
            "sensor_id": [f"{i % 17:03X}" for i in range(rows)],
            "payload": np.linspace(0, 1, rows),
            "attack": [i % 2 * attacks for i in range(rows)],
        }
    )
    frame.to_csv(path, index=False)
    return path


def renamed_columns(path):
    pd.read_csv(plain(path)).rename(columns={"attack": "label", "payload": "data_field"}).to_csv(path, index=False)


def typed_by_hand(path):
    frame = pd.read_csv(plain(path)).astype({"payload": object})
    frame.loc[11, "payload"] = "n/a (sensor off)"
    frame.to_csv(path, index=False)


def with_gaps(path):
    frame = pd.read_csv(plain(path))
    frame.loc[5:8, "payload"] = np.nan
    frame.to_csv(path, index=False)


def latin(path):
    with open(path, "w", encoding="latin-1") as file:
        file.write("Timestamp,place\n0.1,Zürich\n")
    return path


def ragged(path):
    with open(plain(path), "a") as file:
        file.write("4.1,0A1,0.5,0,unexpected,columns\n")


def shortened(path, keep):
    with open(path, "r+b") as file:
        file.truncate(keep)


def arrays(path, keep):
    np.savez(path, x=np.random.rand(100, 4), y=np.zeros(100))
    shortened(path, keep)


def parquet(path, keep):
    pd.DataFrame({"x": np.random.rand(500)}).to_parquet(path)
    shortened(path, keep)


def mapping(path, keep=None):
    with open(path, "wb") as file:
        pickle.dump({f"{i:03X}": i for i in range(60)}, file)
    if keep:
        shortened(path, keep)
