"""The evaluation stage: every model on every test folder, written to metrics.json."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.config import Config, load
from pipeline.graphs import evaluation_graphs, load_cache
from pipeline.models import Autoencoder, Classifier, FusionAgent
from pipeline.stages import fusion_states, restore, split, trained

log = logging.getLogger("pipeline.evaluation")
Scores = dict[str, Any]


def area_under_curve(score: Tensor, truth: Tensor) -> float:
    """The chance that an attack scores higher than a normal window; 0.5 if one of the two is absent."""
    attacks, normal = score[truth == 1], score[truth == 0]
    if not len(attacks) or not len(normal):
        return 0.5
    gap = attacks.unsqueeze(1) - normal.unsqueeze(0)
    return float(((gap > 0).float() + 0.5 * (gap == 0).float()).mean())


def core_metrics(score: Tensor, truth: Tensor, threshold: float) -> Scores:
    """Counts and rates of the decision `score > threshold`."""
    said = score > threshold
    tp, fp = int((said & (truth == 1)).sum()), int((said & (truth == 0)).sum())
    fn, tn = int((~said & (truth == 1)).sum()), int((~said & (truth == 0)).sum())
    precision, recall = tp / max(1, tp + fp), tp / max(1, tp + fn)
    specificity = tn / max(1, tn + fp)
    spread = ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) ** 0.5
    return {
        "accuracy": (tp + tn) / max(1, len(truth)),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(1e-12, precision + recall),
        "specificity": specificity,
        "balanced_accuracy": (recall + specificity) / 2,
        "mcc": (tp * tn - fp * fn) / max(1.0, spread),
        "fpr": 1 - specificity,
        "fnr": 1 - recall,
        "n_samples": len(truth),
        "auc": area_under_curve(score, truth),
    }


def evaluation(config: Config, run_dir: Path) -> Path:
    """Measure the three models on held-out training windows and on each test folder."""
    graphs, ids = load_cache(config)
    judge = trained(Autoencoder, config.run_dir("autoencoder"), len(ids))
    classifier = trained(Classifier, config.run_dir("curriculum"), len(ids))
    agent = FusionAgent(load(config.run_dir("fusion") / "config.json"))
    restore(agent, config.run_dir("fusion"))

    def measure(windows: list[Any]) -> Scores:
        states, truth = fusion_states(windows, judge, classifier)
        with torch.no_grad():
            scores = {"gat": states[:, 1], "vgae": states[:, 0], "fusion": agent.fuse(states)}
        return {name: {"core": core_metrics(each, truth, config.decision_threshold)} for name, each in scores.items()}

    result = measure(split(graphs, config.seed)[1])
    result["test"] = {}
    for scenario, windows in evaluation_graphs(config, ids).items():
        log.info("scenario %s, %d windows", scenario, len(windows))
        result["test"][scenario] = measure(windows)
        core = result["test"][scenario]["fusion"]["core"]
        print(f"{scenario}: f1 {core['f1']:.3f}  auc {core['auc']:.3f}", flush=True)
    path = run_dir / "metrics.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    return path
