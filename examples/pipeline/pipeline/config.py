"""The configuration of one run: flat fields, a preset per model size, flags for the command line, validation."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

STAGES = ("autoencoder", "curriculum", "fusion", "evaluation")
PRESETS: dict[str, dict[str, Any]] = {
    "teacher": {"vgae_hidden_dims": [32, 16], "vgae_latent_dim": 8, "gat_hidden": 24, "dqn_hidden": 32},
    "student": {"vgae_hidden_dims": [16, 8], "vgae_latent_dim": 8, "gat_hidden": 12, "dqn_hidden": 16},
}
CHOICES: dict[str, tuple[str, ...]] = {
    "model_size": ("teacher", "student"),
    "precision": ("32-true", "64-true"),
    "scheduler_type": ("none", "cosine", "step"),
    "unseen_ids": ("oov", "grow"),
}
POSITIVE = ("lr", "fusion_lr", "max_epochs", "batch_size", "patience", "window_size", "stride", "dqn_buffer_size")


@dataclass(frozen=True)
class Config:
    """Every parameter of a run. `config.json` holds exactly these fields."""

    dataset: str = ""
    modality: str = "automotive"
    model_size: str = "teacher"
    seed: int = 42
    lr: float = 0.005
    max_epochs: int = 20
    batch_size: int = 4
    patience: int = 8
    weight_decay: float = 0.0001
    gradient_clip: float = 1.0
    precision: str = "32-true"
    scheduler_type: str = "none"
    scheduler_gamma: float = 0.5
    log_every_n_steps: int = 5
    halt_on_nan: bool = True
    window_size: int = 100
    stride: int = 100
    node_feature_dim: int = 11
    edge_feature_dim: int = 11
    unseen_ids: str = "oov"
    vgae_hidden_dims: list[int] = field(default_factory=list)
    vgae_latent_dim: int = 8
    vgae_embedding_dim: int = 8
    gat_hidden: int = 24
    gat_dropout: float = 0.1
    dqn_hidden: int = 32
    dqn_buffer_size: int = 5000
    dqn_epsilon: float = 0.1
    alpha_steps: int = 11
    fusion_lr: float = 0.003
    curriculum_start_ratio: float = 1.0
    curriculum_end_ratio: float = 3.0
    decision_threshold: float = 0.5
    use_kd: bool = False
    teacher_path: str = ""
    kd_alpha: float = 0.5
    db_timeout: float = 30.0
    experiment_root: str = "experimentruns"
    device: str = "cpu"

    def run_name(self, stage: str) -> str:
        """The folder of a stage's run, such as `student_curriculum_kd`."""
        return f"{self.model_size}_{stage}{'_kd' if self.use_kd else ''}"

    def run_dir(self, stage: str) -> Path:
        """Where a stage of the same dataset, size and variant leaves its run."""
        return Path(self.experiment_root) / self.dataset / self.run_name(stage)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """One flag per field: `--gradient-clip 0.5`, `--use-kd true`, `--vgae-hidden-dims 32,16`."""
    for each in fields(Config):
        parser.add_argument("--" + each.name.replace("_", "-"), dest=each.name, metavar="VALUE")


def parse(name: str, text: str) -> Any:
    """The value of a flag in the type of its field."""
    kind = str(next(each.type for each in fields(Config) if each.name == name))
    if kind == "bool":
        if text.lower() not in ("true", "false"):
            raise ValueError(f"--{name.replace('_', '-')} takes true or false, not {text!r}")
        return text.lower() == "true"
    if kind == "list[int]":
        return [int(part) for part in text.split(",")]
    return {"int": int, "float": float, "str": str}[kind](text)


def load(path: str | Path) -> Config:
    """The configuration that a run froze."""
    return Config(**json.loads(Path(path).read_text()))


def build(base: str | None, given: dict[str, str | None]) -> Config:
    """A configuration from a frozen one (or the preset of the model size) and the flags that were given."""
    values = {name: parse(name, text) for name, text in given.items() if text is not None}
    if base:
        return replace(load(base), **values)
    size = values.get("model_size", Config.model_size)
    return Config(**{**PRESETS.get(size, {}), **values})


def validate(config: Config, stage: str) -> None:
    """Refuse, before anything is written, what cannot work."""
    wrong = []
    for name, allowed in CHOICES.items():
        value = getattr(config, name)
        if value not in allowed:
            wrong.append(f"{name} = {value!r}, allowed are {', '.join(allowed)}")
    wrong += [f"{name} = {getattr(config, name)}, must be positive" for name in POSITIVE if getattr(config, name) <= 0]
    if not config.dataset:
        wrong.append("dataset is not given")
    if config.use_kd and not config.teacher_path and stage != "evaluation":
        wrong.append("use_kd = True, but teacher_path is empty")
    if wrong:
        raise ValueError("invalid configuration:\n" + "\n".join(f"  {line}" for line in wrong))


def freeze(config: Config, run_dir: Path) -> Path:
    """Write config.json, before training starts, so that a failed run tells what it was asked to do."""
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / "config.json"
    path.write_text(json.dumps(asdict(config), indent=2) + "\n")
    return path
