"""Run directories as a training program leaves them, made in a temporary project for the tests."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from postmortem.collect.files.series import Series
from postmortem.facts import Config, ConfigKey, Curve, RunFacts, Source
from postmortem.project import profile as profiles

PROFILE = profiles.load("kd-gat", Path("/"))

CONFIG: dict[str, Any] = {
    "dataset": "set_01", "model_size": "teacher", "lr": 0.002, "max_epochs": 20, "batch_size": 64, "patience": 100,
    "weight_decay": 0.0001, "gradient_clip": 1.0, "precision": "32-true", "monitor_metric": "val_loss",
    "monitor_mode": "min", "vgae_hidden_dims": [64, 32], "vgae_latent_dim": 16, "vgae_dropout": 0.15, "gat_hidden": 8,
    "gat_dropout": 0.2, "dqn_hidden": 32, "use_kd": False, "teacher_path": "", "kd_alpha": 0.7, "fusion_lr": 0.001,
    "num_workers": 0, "mp_start_method": "spawn",
}  # fmt: skip


def project(root: Path) -> Any:
    """What the readers ask of a project."""
    return SimpleNamespace(root=root, experiment_root=root / "experimentruns", profile=PROFILE)


def run_state(root: Path, run: str) -> Any:
    """What the readers ask of a run's state."""
    return SimpleNamespace(run=SimpleNamespace(id=run), directory=root / "experimentruns" / run)


def facts_of(
    run: str = "set_01/teacher_autoencoder", state: str = "complete", config: dict[str, Any] | None = None
) -> RunFacts:
    """Facts of a run with a configuration, and nothing else."""
    dataset, _, name = run.partition("/")
    size, _, stage = name.removesuffix("_kd").partition("_")
    facts = RunFacts(run, f"experimentruns/{run}", dataset, name, stage, size, state, profile=PROFILE.as_dict())
    values = CONFIG | {"dataset": dataset, "model_size": size} | (config or {})
    keys = {
        key: ConfigKey(value, i, f'  "{key}": {json.dumps(value)},') for i, (key, value) in enumerate(values.items(), 2)
    }
    facts.config = Config(Source(f"{facts.directory}/config.json"), keys)
    return facts


def curve_of(metric: str, values: list[float], source: str = "metrics.csv") -> Curve:
    """A curve with a value for each epoch, as the reader makes it."""
    series = Series(Source(source), metric)
    for epoch, value in enumerate(values):
        series.add(epoch, value, epoch + 2, f"{epoch},{value}")
    return series.finish()


def falling(epochs: int = 20, start: float = 0.8) -> list[float]:
    """A loss that falls as losses do."""
    return [start / (1 + 0.2 * epoch) for epoch in range(epochs)]


CRASH = 'Traceback (most recent call last):\n  File "t.py", line 3, in f\n    g()\nKeyError: "a"\n'


def failed_run(root: Path, run: str) -> Path:
    """A run that crashed, with its sentinel; its directory."""
    directory = make_run(root, run, stderr=CRASH)
    (directory / ".failed").touch()
    return directory


def make_run(
    root: Path,
    run: str,
    *,
    config: dict[str, Any] | None = None,
    val_loss: list[float] | None = None,
    columns: dict[str, list[Any]] | None = None,
    stderr: str = "",
    stdout: str = "",
    weights: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
) -> Path:
    """Write a run's directory: config.json, metrics.csv, streams, best_model.pt (a state_dict), metrics.json."""
    directory = root / "experimentruns" / run
    directory.mkdir(parents=True, exist_ok=True)
    dataset, _, name = run.partition("/")
    values = CONFIG | {"dataset": dataset, "model_size": name.partition("_")[0]} | (config or {})
    (directory / "config.json").write_text(json.dumps(values, indent=2))
    (directory / "slurm.err").write_text(stderr)
    (directory / "slurm.out").write_text(stdout)
    table = dict(columns or {})
    if val_loss is not None:
        table["val_loss"] = val_loss
    if table:
        count = max(len(column) for column in table.values())
        rows = [["epoch", "step", *table]]
        rows += [[str(i), str(i * 10 + 9), *(str(column[i]) for column in table.values())] for i in range(count)]
        folder = directory / "lightning_logs" / "version_0"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    if metrics is not None:
        (directory / "metrics.json").write_text(json.dumps(metrics, indent=2))
    if weights is not None:
        import torch

        torch.save(weights, directory / "best_model.pt")
    return directory


def plain_weights(hidden: int = 8, ids: int = 30, scale: float = 0.1) -> dict[str, Any]:
    """A state_dict of a small model with an id embedding."""
    import torch

    generator = torch.Generator().manual_seed(1)
    return {
        "id_embedding.weight": torch.randn(ids, 4, generator=generator) * scale,
        "layers.0.weight": torch.randn(hidden, 14, generator=generator) * scale,
        "layers.0.bias": torch.zeros(hidden),
        "bn.running_var": torch.full((hidden,), 3e5),
        "bn.num_batches_tracked": torch.tensor(200_000),
        "head.weight": torch.randn(2, hidden, generator=generator) * scale,
        "head.bias": torch.zeros(2),
    }


def scores(recall: float, specificity: float, auc: float, f1: float, samples: int = 200) -> dict[str, Any]:
    """A block of an evaluation's metrics.json."""
    core = {"recall": recall, "specificity": specificity, "auc": auc, "f1": f1, "n_samples": samples}
    return {"core": core | {"balanced_accuracy": (recall + specificity) / 2}}
