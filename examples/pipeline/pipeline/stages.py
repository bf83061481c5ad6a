"""The three training stages. Each needs what the stages before it left in their runs of the same dataset and size."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from pipeline.config import Config, load
from pipeline.graphs import Graph, load_cache
from pipeline.models import Autoencoder, Batch, Classifier, FusionAgent, collate
from pipeline.training import Trainer

log = logging.getLogger("pipeline.stages")
GraphModel = TypeVar("GraphModel", Autoencoder, Classifier)


def split(graphs: list[Graph], seed: int) -> tuple[list[Graph], list[Graph]]:
    """Four fifths to train on, one fifth to validate, mixed by the seed."""
    order = list(graphs)
    random.Random(seed).shuffle(order)
    cut = len(order) * 4 // 5
    return order[:cut], order[cut:]


def loader(graphs: list[Graph], config: Config, shuffle: bool = False) -> DataLoader:
    """Batches of graphs."""
    return DataLoader(graphs, config.batch_size, shuffle=shuffle, collate_fn=collate)


def restore(model: nn.Module, run_dir: Path) -> None:
    """Give a model the weights that a run left, for use only."""
    log.info("loading %s", run_dir / "best_model.pt")
    model.load_state_dict(torch.load(run_dir / "best_model.pt", weights_only=True))
    model.eval().requires_grad_(False)


def trained(kind: type[GraphModel], run_dir: Path, num_ids: int) -> GraphModel:
    """A model as an earlier run left it: its own frozen configuration, its own weights."""
    model = kind(num_ids, load(run_dir / "config.json"))
    restore(model, run_dir)
    return model


def with_teacher(config: Config, student: Tensor, teacher: Tensor) -> Tensor:
    """How far a student's answer is from its teacher's, weighted."""
    return config.kd_alpha * functional.mse_loss(student, teacher)


def autoencoder(config: Config, run_dir: Path) -> Path:
    """Learn normal traffic."""
    graphs, ids = load_cache(config)
    train, held_out = split([graph for graph in graphs if not graph["y"].item()], config.seed)
    model = Autoencoder(len(ids), config)
    teacher = trained(Autoencoder, Path(config.teacher_path).parent, len(ids)) if config.use_kd else None

    def loss(batch: Batch) -> Tensor:
        return model.loss(batch) + (with_teacher(config, model(batch)[0], teacher(batch)[0]) if teacher else 0)

    trainer = Trainer(model, config, run_dir, config.lr)
    batches = loader(train, config, shuffle=True)
    return trainer.fit(lambda epoch: batches, loader(held_out, config), loss, model.loss)


def curriculum(config: Config, run_dir: Path) -> Path:
    """Learn to classify, easy windows first: the autoencoder says how hard a window is."""
    graphs, ids = load_cache(config)
    judge = trained(Autoencoder, config.run_dir("autoencoder"), len(ids))
    train, held_out = split(graphs, config.seed)
    with torch.no_grad():
        difficulty = judge.scores(collate(train))
    by_difficulty = [train[place] for place in difficulty.argsort().tolist()]
    model = Classifier(len(ids), config)
    teacher = trained(Classifier, Path(config.teacher_path).parent, len(ids)) if config.use_kd else None

    def lesson(epoch: int) -> DataLoader:
        """All attacks, and of the normal windows the easiest, more of them from epoch to epoch."""
        progress = epoch / max(1, config.max_epochs - 1)
        ratio = config.curriculum_start_ratio + progress * (config.curriculum_end_ratio - config.curriculum_start_ratio)
        attacks = [graph for graph in by_difficulty if graph["y"].item()]
        normal = [graph for graph in by_difficulty if not graph["y"].item()]
        return loader(attacks + normal[: max(1, int(len(attacks) * ratio))], config, shuffle=True)

    def loss(batch: Batch) -> Tensor:
        return model.loss(batch) + (with_teacher(config, model(batch), teacher(batch)) if teacher else 0)

    trainer = Trainer(model, config, run_dir, config.lr)
    return trainer.fit(lesson, loader(held_out, config), loss, model.loss)


def fusion_states(graphs: list[Graph], judge: Autoencoder, classifier: Classifier) -> tuple[Tensor, Tensor]:
    """What the fusion agent sees of each window (how odd, how likely an attack), and the truth."""
    batch = collate(graphs)
    with torch.no_grad():
        odd = judge.scores(batch)
        odd = (odd - odd.min()) / (odd.max() - odd.min() + 1e-9)
        return torch.stack([odd, classifier.scores(batch)], dim=1), batch.y


def fusion(config: Config, run_dir: Path) -> Path:
    """Learn by trial how to weigh the two models: the reward is how well the fused score fits the truth."""
    graphs, ids = load_cache(config)
    judge = trained(Autoencoder, config.run_dir("autoencoder"), len(ids))
    classifier = trained(Classifier, config.run_dir("curriculum"), len(ids))
    train, held_out = split(graphs, config.seed)
    states, truth = fusion_states(train, judge, classifier)
    agent = FusionAgent(config)
    # A ring of experiences, allocated at once so that a run fails at its start rather than after hours.
    memory: list[tuple[int, int, float] | None] = [None] * config.dqn_buffer_size
    told = 0

    weights = torch.arange(config.alpha_steps) / (config.alpha_steps - 1)

    def rewards(state: Tensor, label: Tensor) -> Tensor:
        """What each weight would earn for each window."""
        fused = state[:, 1:] * weights + state[:, :1] * (1 - weights)
        return 1 - (fused - label.unsqueeze(1)).abs()

    earned = rewards(states, truth)

    def experience(epoch: int) -> Iterable[list[tuple[int, int, float]]]:
        nonlocal told
        greedy = agent(states).argmax(dim=1)
        explore = torch.rand(len(greedy)) < max(config.dqn_epsilon, 1 - epoch / 5)
        action = torch.where(explore, torch.randint(config.alpha_steps, greedy.shape), greedy)
        for place, chosen in enumerate(action.tolist()):
            memory[told % len(memory)] = (place, chosen, earned[place, chosen].item())
            told += 1
        known = [each for each in memory[: min(told, len(memory))] if each]
        return [random.sample(known, min(64, len(known))) for _ in range(10)]

    def loss(batch: list[tuple[int, int, float]]) -> Tensor:
        place, action, reward = (torch.tensor(column) for column in zip(*batch, strict=True))
        return functional.mse_loss(agent(states[place]).gather(1, action.unsqueeze(1)).squeeze(1), reward)

    unseen, label = fusion_states(held_out, judge, classifier)

    def misjudged(_: None) -> Tensor:
        return functional.mse_loss(agent(unseen), rewards(unseen, label))

    return Trainer(agent, config, run_dir, config.fusion_lr).fit(experience, [None], loss, misjudged)
