"""The three models: a variational graph autoencoder, a graph classifier, and a small Q network that fuses them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.config import Config
from pipeline.graphs import Graph


@dataclass
class Batch:
    """Several graphs as one: nodes and edges one after another, `graph_of` says whose each node is."""

    x: Tensor
    edge_index: Tensor
    edge_attr: Tensor
    y: Tensor
    graph_of: Tensor

    @property
    def size(self) -> int:
        """How many graphs."""
        return len(self.y)


def collate(graphs: list[Graph]) -> Batch:
    """Join graphs; node numbers in edge_index move up by the nodes before them."""
    counts = torch.tensor([len(graph["x"]) for graph in graphs])
    starts = counts.cumsum(0) - counts
    return Batch(
        x=torch.cat([graph["x"] for graph in graphs]),
        edge_index=torch.cat([g["edge_index"] + start for g, start in zip(graphs, starts, strict=True)], dim=1),
        edge_attr=torch.cat([graph["edge_attr"] for graph in graphs]),
        y=torch.cat([graph["y"] for graph in graphs]),
        graph_of=torch.repeat_interleave(torch.arange(len(graphs)), counts),
    )


def average(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """The mean of the rows of each group."""
    total = values.new_zeros(groups, values.shape[1]).index_add_(0, group, values)
    count = values.new_zeros(groups).index_add_(0, group, values.new_ones(len(group)))
    return total / count.clamp(min=1).unsqueeze(1)


class GraphConv(nn.Module):
    """A node's own features and the mean over its incoming edges, mixed linearly."""

    def __init__(self, inputs: int, outputs: int, edge_features: int) -> None:
        super().__init__()
        self.own = nn.Linear(inputs, outputs)
        self.incoming = nn.Linear(inputs + edge_features, outputs)

    def forward(self, nodes: Tensor, batch: Batch) -> Tensor:
        source, target = batch.edge_index
        messages = self.incoming(torch.cat([nodes[source], batch.edge_attr], dim=1))
        return functional.leaky_relu(self.own(nodes) + average(messages, target, len(nodes)), 0.1)


class NodeInput(nn.Module):
    """The id's embedding beside the other node features."""

    def __init__(self, num_ids: int, config: Config) -> None:
        super().__init__()
        self.id_embedding = nn.Embedding(num_ids, config.vgae_embedding_dim)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.id_embedding(x[:, 0].long()), x[:, 1:]], dim=1)


class Autoencoder(nn.Module):
    """Learns normal traffic: what it reconstructs badly is suspicious."""

    def __init__(self, num_ids: int, config: Config) -> None:
        super().__init__()
        features = config.node_feature_dim - 1
        wide, narrow = config.vgae_hidden_dims
        self.input = NodeInput(num_ids, config)
        self.conv1 = GraphConv(config.vgae_embedding_dim + features, wide, config.edge_feature_dim)
        self.conv2 = GraphConv(wide, narrow, config.edge_feature_dim)
        self.mean = nn.Linear(narrow, config.vgae_latent_dim)
        self.log_variance = nn.Linear(narrow, config.vgae_latent_dim)
        self.decoder = nn.Sequential(
            nn.Linear(config.vgae_latent_dim + config.vgae_embedding_dim, wide), nn.ReLU(), nn.Linear(wide, features)
        )

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstructed node features, latent mean and log variance."""
        nodes = self.input(batch.x)
        hidden = self.conv2(self.conv1(nodes, batch), batch)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        latent = mean
        if self.training:
            latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        ids = self.input.id_embedding(batch.x[:, 0].long())
        return self.decoder(torch.cat([latent, ids], dim=1)), mean, log_variance

    def loss(self, batch: Batch) -> Tensor:
        """Reconstruction error and divergence from the unit normal."""
        rebuilt, mean, log_variance = self(batch)
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
        return functional.mse_loss(rebuilt, batch.x[:, 1:]) + 0.001 * divergence

    def scores(self, batch: Batch) -> Tensor:
        """The reconstruction error of each graph."""
        rebuilt, _, _ = self(batch)
        return average((rebuilt - batch.x[:, 1:]) ** 2, batch.graph_of, batch.size).mean(dim=1)


class Classifier(nn.Module):
    """Tells attacked windows from normal ones."""

    def __init__(self, num_ids: int, config: Config) -> None:
        super().__init__()
        features = config.node_feature_dim - 1
        self.input = NodeInput(num_ids, config)
        self.conv1 = GraphConv(config.vgae_embedding_dim + features, config.gat_hidden, config.edge_feature_dim)
        self.conv2 = GraphConv(config.gat_hidden, config.gat_hidden, config.edge_feature_dim)
        self.dropout = nn.Dropout(config.gat_dropout)
        self.head = nn.Linear(config.gat_hidden, 2)

    def forward(self, batch: Batch) -> Tensor:
        """Two logits per graph."""
        hidden = self.conv2(self.conv1(self.input(batch.x), batch), batch)
        return self.head(self.dropout(average(hidden, batch.graph_of, batch.size)))

    def loss(self, batch: Batch) -> Tensor:
        """Cross entropy."""
        return functional.cross_entropy(self(batch), batch.y)

    def scores(self, batch: Batch) -> Tensor:
        """The probability of an attack for each graph."""
        return self(batch).softmax(dim=1)[:, 1]


class FusionAgent(nn.Module):
    """Chooses for each window how much the classifier counts against the autoencoder: a value per weight."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(2, config.dqn_hidden), nn.ReLU(), nn.Linear(config.dqn_hidden, config.alpha_steps)
        )

    def forward(self, state: Tensor) -> Tensor:
        """The expected reward of each weight."""
        return self.net(state)

    def fuse(self, state: Tensor) -> Tensor:
        """The attack score of each window, with the best weight."""
        alpha = self(state).argmax(dim=1) / (self.net[-1].out_features - 1)
        return alpha * state[:, 1] + (1 - alpha) * state[:, 0]
