"""The steps of the pipeline."""

import sys

import numpy as np
import pandas as pd

from prep import make, tables

STEPS = {}


def step(function):
    STEPS[function.__name__.replace("_", "-")] = function
    return function


@step
def read(settings, log):
    frame = tables.read_table(settings.dataset)
    log(f"{len(frame)} rows")


@step
def read_folder(settings, log):
    log(f"{len(tables.read_all('data/vehicle'))} rows")


@step
def check(settings, log):
    make.renamed_columns("table.csv")
    tables.checked(tables.read_table("table.csv"), "table.csv")


@step
def attack_rate(settings, log):
    make.renamed_columns("table.csv")
    log(tables.read_table("table.csv")["attack"].mean())


@step
def features(settings, log):
    make.typed_by_hand("table.csv")
    x, y = tables.features_of(tables.read_table("table.csv"))
    log(x.shape)


@step
def latin(settings, log):
    make.latin("table.csv")
    tables.read_table("table.csv")


@step
def ragged(settings, log):
    make.ragged("table.csv")
    tables.read_table("table.csv")


@step
def empty_file(settings, log):
    open("table.csv", "w").close()
    tables.read_table("table.csv")


@step
def fit(settings, log):
    from sklearn.linear_model import LogisticRegression

    make.with_gaps("table.csv")
    x, y = tables.features_of(tables.read_table("table.csv"))
    log(f"fitting on {x.shape}")
    LogisticRegression().fit(x, y)


@step
def fit_normal_only(settings, log):
    from sklearn.linear_model import LogisticRegression

    make.plain("table.csv", attacks=False)
    LogisticRegression().fit(*tables.features_of(tables.read_table("table.csv")))


@step
def cross_validate(settings, log):
    from sklearn.model_selection import StratifiedKFold

    x, y = np.ones((4, 2)), np.array([0, 0, 1, 1])
    log([len(test) for _, test in StratifiedKFold(settings.folds).split(x, y)])


@step
def score(settings, log):
    """Applies a scaler fitted on two columns to three."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(np.random.rand(20, 2))
    log(scaler.transform(np.random.rand(5, 3)).mean())


@step
def load_arrays(settings, log):
    make.arrays("windows.npz", keep=700)
    log(np.load("windows.npz")["x"].shape)


@step
def load_objects(settings, log):
    np.save("windows.npy", np.array([np.ones(3), None], dtype=object))
    log(np.load("windows.npy").shape)


@step
def load_parquet(settings, log):
    make.parquet("table.parquet", keep=600)
    log(pd.read_parquet("table.parquet").shape)


@step
def load_parquet_text(settings, log):
    make.plain("table.parquet")
    log(pd.read_parquet("table.parquet").shape)


@step
def load_mapping(settings, log):
    make.mapping("id_mapping.pkl", keep=40)
    log(len(tables.read_cache("id_mapping.pkl")))


@step
def load_metadata(settings, log):
    with open("cache_metadata.json", "w") as file:
        file.write('{"num_graphs": 1200, "window_size": 100,')
    log(tables.read_metadata("cache_metadata.json"))


@step
def load_cache(settings, log):
    """A cache of an older version of this code."""
    make.mapping("cache.pkl")
    cache = tables.read_cache("cache.pkl")
    if cache.get("version") != 3:
        raise RuntimeError(f"Invalid cache format: version {cache.get('version')}, expected 3. Delete cache.pkl")


@step
def split(settings, log):
    rows = tables.read_table(make.plain("table.csv", rows=3))
    train = rows[rows["attack"] > 1]
    log(f"{len(train)} rows for training")
    if train.empty:
        raise ValueError("no samples left after filtering attack > 1")


@step
def sample(settings, log):
    import random

    log(random.sample([], 5))


@step
def ids(settings, log):
    make.plain("table.csv")
    frame = tables.read_table("table.csv")
    mapping = {name: number for number, name in enumerate(frame["sensor_id"].unique()[:10])}
    try:
        frame["index"] = [mapping[name] for name in frame["sensor_id"]]
    except KeyError as error:
        raise ValueError(f"id {error} is not in the mapping of {len(mapping)} ids and there is no OOV entry") from error


@step
def build_model(settings, log):
    if settings.latent_dim != settings.model.latent_dim:
        raise ValueError(f"latent_dim={settings.latent_dim} but model.latent_dim={settings.model.latent_dim}: the flat "
                         "and the nested view of the configuration disagree")  # fmt: skip


@step
def schedule(settings, log):
    log([settings.lr * 0.5 ** (epoch / settings.patience) for epoch in range(settings.epochs)])


@step
def summarise(settings, log):
    for fold in range(0):
        best = fold
    log(f"best fold {best}")


@step
def ratio(settings, log):
    counts = {"normal": 100, "attack": 0}
    log(counts["normal"] / counts["attack"])


@step
def plot(settings, log):
    log(pd.Series([1, 2]).plt(kind="line"))


@step
def unpack(settings, log):
    low, high = np.quantile(np.arange(10), [0.1, 0.5, 0.9])
    log(f"{low} {high}")


@step
def group_errors(settings, log):
    errors = []
    for part in ("train", "test"):
        try:
            tables.read_table(f"data/{part}.csv")
        except FileNotFoundError as error:
            errors.append(error)
    if errors:
        raise ExceptionGroup("some parts of the data cannot be read", errors)


@step
def with_note(settings, log):
    try:
        int("0x1F3")
    except ValueError as error:
        error.add_note("row 118 of train_01/fuzzing.csv, column payload")
        raise


@step
def cleanup(settings, log):
    """The cleanup fails because what failed before left nothing to clean."""
    report = None
    try:
        report = tables.read_table("data/train_01/normal.csv")
    finally:
        report.to_csv("report.csv")


@step
def quiet_exit(settings, log):
    print("ERROR: 3 of 40 recordings have no labels, see docs/labels.md", file=sys.stderr)
    sys.exit(3)


@step
def optional(settings, log):
    """Healthy: what is missing is made, what fails is tried otherwise."""
    try:
        tables.read_cache("cache.pkl")
    except FileNotFoundError as error:
        log(f"cache not usable ({type(error).__name__}: {error}), rebuilding")
    try:
        pd.read_csv(make.latin("table.csv"))
    except UnicodeDecodeError:
        import traceback

        traceback.print_exc()
        log("not UTF-8, reading as latin-1")
        pd.read_csv("table.csv", encoding="latin-1")
    log("0 errors, error_rate=0.000, failed=0")
