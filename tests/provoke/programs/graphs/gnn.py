"""Models on PyG batches."""

import torch
from torch import nn
from torch_geometric.nn import GATConv, GCNConv, TopKPooling, global_mean_pool


class IdEmbedding(nn.Module):
    """Column 0 of x is an id, the rest are statistics."""

    def __init__(self, num_ids, dim=8):
        super().__init__()
        self.table = nn.Embedding(num_ids, dim)

    def forward(self, x):
        return torch.cat([self.table(x[:, 0].long()), x[:, 1:]], dim=1)


class TrafficGAT(nn.Module):
    def __init__(self, num_ids=50, features=11, edge_features=11, hidden=16, heads=2, classes=2):
        super().__init__()
        self.embed = IdEmbedding(num_ids)
        self.conv1 = GATConv(8 + features - 1, hidden, heads=heads, edge_dim=edge_features)
        self.conv2 = GATConv(hidden * heads, hidden, edge_dim=edge_features)
        self.head = nn.Linear(hidden, classes)

    def forward(self, batch):
        x = self.embed(batch.x)
        x = self.conv1(x, batch.edge_index, batch.edge_attr).relu()
        x = self.conv2(x, batch.edge_index, batch.edge_attr).relu()
        return self.head(global_mean_pool(x, batch.batch))


class PlainGCN(nn.Module):
    def __init__(self, features=11, hidden=16):
        super().__init__()
        self.conv = GCNConv(features, hidden)
        self.head = nn.Linear(hidden, 2)

    def forward(self, batch):
        return self.head(global_mean_pool(self.conv(batch.x, batch.edge_index), batch.batch))


class PooledGCN(PlainGCN):
    def __init__(self):
        super().__init__()
        self.pool = TopKPooling(16, ratio=0.5)

    def forward(self, batch):
        x = self.conv(batch.x, batch.edge_index)
        x, edge_index, *_ = self.pool(x, batch.edge_index, batch=batch.batch)
        return self.head(global_mean_pool(x, batch.batch))
