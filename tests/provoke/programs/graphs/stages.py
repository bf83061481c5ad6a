"""The stages of the pipeline."""

import gnn
import torch
import windows
from torch.nn import functional as F
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from torch_geometric.utils import scatter, to_dense_adj

STAGES = {}
NODE_FEATURE_COUNT = 11


def stage(function):
    STAGES[function.__name__.replace("_", "-")] = function
    return function


def train(model, data, epochs):
    loader = DataLoader(data, batch_size=8, shuffle=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(epochs):
        losses = []
        for batch in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(batch), batch.y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: loss {sum(losses) / len(losses):.4f} over {len(losses)} batches", flush=True)
    return model


def evaluate(model, data):
    hits = [(model(batch).argmax(1) == batch.y).float().mean() for batch in DataLoader(data, batch_size=8)]
    print(f"accuracy {torch.stack(hits).mean():.3f}", flush=True)


@stage
def normal(args):
    evaluate(train(gnn.TrafficGAT(), windows.windows(), args.epochs), windows.windows(16))


@stage
def curriculum(args):
    train(gnn.TrafficGAT(), windows.wide_windows(), args.epochs)


@stage
def autoencoder(args):
    train(gnn.PlainGCN(features=11), windows.windows(features=12), args.epochs)


@stage
def edges(args):
    train(gnn.TrafficGAT(edge_features=11), windows.windows(edge_features=9), args.epochs)


@stage
def preprocess(args):
    found = windows.windows(16, features=10)
    for number, data in enumerate(found):
        if data.num_node_features != NODE_FEATURE_COUNT:
            what = f"window {number} has {data.num_node_features} node features"
            raise ValueError(f"{what}, expected {NODE_FEATURE_COUNT}")


@stage
def evaluation(args):
    model = train(gnn.TrafficGAT(), windows.windows(), args.epochs)
    evaluate(model, windows.unseen_ids())


@stage
def pruned(args):
    train(gnn.PlainGCN(), windows.truncated_nodes(), args.epochs)


@stage
def attacks(args):
    train(gnn.TrafficGAT(), windows.attack_types(), args.epochs)


@stage
def semi(args):
    train(gnn.TrafficGAT(), windows.partly_labelled(), args.epochs)


@stage
def speeds(args):
    train(gnn.TrafficGAT(), windows.with_names(), args.epochs)


@stage
def short(args):
    evaluate(gnn.TrafficGAT(), windows.from_short_recording())


@stage
def fusion(args):
    """All windows of one recording as one batch."""
    batch = Batch.from_data_list(windows.from_short_recording())
    print(gnn.TrafficGAT()(batch).shape)


@stage
def edgeless(args):
    data = windows.no_edges()
    batch = Batch.from_data_list(data)
    longest = scatter(torch.ones(batch.num_edges), batch.batch[batch.edge_index[0]], dim_size=8).int().max()
    strongest = batch.edge_attr.max(dim=0).values
    print(longest, strongest)


@stage
def dense(args):
    """Adjacency matrices for the dense pooling baseline."""
    batch = Batch.from_data_list(windows.windows(8))
    adjacency = to_dense_adj(batch.edge_index, batch.batch, max_num_nodes=10)
    print((adjacency @ batch.x.view(8, 12, -1)).shape)


@stage
def pooled(args):
    train(gnn.PooledGCN(), windows.windows(edges=40), args.epochs)


@stage
def adversarial(args):
    """Perturbs the ids, too, which turns x into float64 by numpy."""
    data = windows.windows(16)
    for item in data:
        item.x = torch.from_numpy(item.x.numpy().astype("float64"))
    train(gnn.PlainGCN(), data, args.epochs)


@stage
def lookup(args):
    data = windows.windows(8)
    print(sum(item.edge_weight.sum() for item in data))


@stage
def unbatched(args):
    loader = torch.utils.data.DataLoader(windows.windows(16), batch_size=4)
    for batch in loader:
        print(batch)


@stage
def mixed_devices(args):
    model = gnn.PlainGCN()
    model.head = torch.nn.Linear(16, 2, device="meta")
    train(model, windows.windows(8), args.epochs)
