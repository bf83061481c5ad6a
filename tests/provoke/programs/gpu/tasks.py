"""What is trained, one function a task. Each ends as its name says."""

import logging

import torch
from torch import nn
from torch.nn import functional as F

log = logging.getLogger("train")


class Classifier(nn.Module):
    def __init__(self, features=32, hidden=256, classes=4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.head(self.encoder(x))


def batches(device, steps=8, size=64, features=32, classes=4):
    for _ in range(steps):
        yield torch.randn(size, features, device=device), torch.randint(0, classes, (size,), device=device)


def fit(model, data, loss_of=F.cross_entropy, lr=1e-3):
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    for step, (x, y) in enumerate(data):
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.info("step %d loss %.4f", step, loss.item())


def healthy(device):
    fit(Classifier().to(device), batches(device))


def batch_too_large(device):
    model = Classifier(features=4096, hidden=16384).to(device)
    fit(model, batches(device, steps=2, features=4096))
    fit(model, batches(device, features=4096, size=2_400_000))


def grows_each_step(device):
    """Each step's loss is kept with its graph, so memory grows until there is none."""
    model = Classifier(features=2048, hidden=8192).to(device)
    losses = []
    for step in range(10_000):
        x, y = torch.randn(65536, 2048, device=device), torch.randint(0, 4, (65536,), device=device)
        losses.append(F.cross_entropy(model(x), y))
        log.info("step %d mean loss %.4f, %.1f GiB", step, sum(losses).item() / len(losses),
                 torch.cuda.memory_allocated() / 2**30)  # fmt: skip


def attention_map(device):
    """Plain attention over a long sequence: one matrix is larger than the device."""
    q = torch.randn(8, 32, 40_000, 64, device=device, dtype=torch.bfloat16)
    scores = q @ q.transpose(-2, -1)
    log.info("scores %s", tuple(scores.softmax(-1).shape))


def smaller_batch_after_oom(device):
    """An out-of-memory error that the program handles: it goes on with half the batch, and ends well."""
    model, size = Classifier(features=4096, hidden=16384).to(device), 4_800_000
    while True:
        try:
            fit(model, batches(device, steps=3, features=4096, size=size))
            return
        except torch.OutOfMemoryError as error:
            log.warning("batch of %d does not fit (%s), trying %d", size, error, size // 64)
            torch.cuda.empty_cache()
            size //= 64


def label_beyond_classes(device):
    fit(Classifier(classes=4).to(device), batches(device, classes=7))


def label_minus_one(device):
    data = ((x, y - 1) for x, y in batches(device))
    fit(Classifier().to(device), data)


def unseen_id(device):
    table = nn.Embedding(1000, 64).to(device)
    ids = torch.randint(0, 1200, (4096,), device=device)
    log.info("mean %.3f", table(ids).mean().item())


def node_beyond_graph(device):
    """A scatter of messages to nodes that the graph does not have."""
    x = torch.randn(100, 16, device=device)
    source = torch.randint(0, 100, (40,), device=device)
    target = torch.randint(90, 120, (40,), device=device)
    out = torch.zeros(100, 16, device=device).scatter_add_(0, target[:, None].expand(-1, 16), x[source])
    log.info("aggregated %.3f", out.sum().item())


def probability_beyond_one(device):
    model = Classifier(classes=1).to(device)
    x, y = next(batches(device, classes=2))
    loss = F.binary_cross_entropy(model(x).squeeze(1) * 5, y.float())
    log.info("loss %.4f", loss.item())


def samples_from_nan(device):
    logits = Classifier().to(device)(torch.full((4, 32), float("nan"), device=device))
    log.info("drawn %s", torch.multinomial(logits.softmax(-1), 1).tolist())


def batch_left_on_cpu(device):
    fit(Classifier().to(device), batches("cpu"))


def weight_left_on_cpu(device):
    weight = torch.tensor([1.0, 2.0, 2.0, 4.0])
    fit(Classifier().to(device), batches(device), lambda out, y: F.cross_entropy(out, y, weight=weight))


def ids_left_on_cpu(device):
    table = nn.Embedding(1000, 64).to(device)
    table(torch.randint(0, 1000, (32,))).sum().backward()


def mask_left_on_cpu(device):
    x = torch.randn(64, 32, device=device)
    keep = torch.rand(64) > 0.5
    y = torch.zeros(64, 32, device=device)
    y = torch.where(keep[:, None], x, y)
    log.info("kept %.3f", y.sum().item())


def half_into_float(device):
    model = Classifier().to(device).half()
    fit(model, batches(device))


def half_gradients_unscaled(device):
    model = Classifier().to(device).half()
    optimizer, scaler = torch.optim.SGD(model.parameters(), 0.1), torch.amp.GradScaler("cuda")
    for x, y in batches(device):
        loss = F.cross_entropy(model(x.half()), y)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()


def half_overflows(device):
    """Half precision without a scaler and with a high rate: the loss becomes NaN and the program refuses to go on."""
    model = Classifier().to(device).half()
    optimizer = torch.optim.SGD(model.parameters(), 60.0)
    for step, (x, y) in enumerate(batches(device, steps=50)):
        loss = F.cross_entropy(model(x.half() * 40), y)
        log.info("step %d loss %.4f", step, loss.item())
        if not torch.isfinite(loss):
            raise FloatingPointError(f"loss is {loss.item()} at step {step}")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def workers_use_gpu(device):
    """A data set that puts its samples on the GPU, read by forked workers."""

    class OnDevice(torch.utils.data.Dataset):
        def __len__(self):
            return 64

        def __getitem__(self, index):
            return torch.randn(32).to(device), index % 4

    model = Classifier().to(device)
    fit(model, torch.utils.data.DataLoader(OnDevice(), batch_size=16, num_workers=2))


def device_not_there(device):
    fit(Classifier().to("cuda:3"), batches("cuda:3"))


def checkpoint_of_another_machine(device):
    from torch.serialization import location_tag

    tensor = torch.randn(4, 32, device=device)
    torch.save({"head.weight": tensor}, "last.ckpt")
    with open("last.ckpt", "rb") as file:
        saved = file.read()
    with open("last.ckpt", "wb") as file:
        file.write(saved.replace(location_tag(tensor).encode(), b"cuda:3"))
    model = Classifier()
    model.load_state_dict(torch.load("last.ckpt", weights_only=True), strict=False)


def all_gpus_of_a_node(device):
    """As if the node had four: what Lightning says of it."""
    import lightning

    lightning.Trainer(accelerator="gpu", devices=4, max_epochs=1, logger=False)


def capture_with_copy(device):
    model, x = Classifier().to(device), torch.randn(64, 32, device=device)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = model(x)
        log.info("mean %.3f", out.mean().item())


def kernel_writes_beyond(device):
    import cupy

    kernel = cupy.RawKernel(
        r"""extern "C" __global__ void spread(float* out, long long offset) { out[offset + threadIdx.x] = 1.0f; }""",
        "spread",
    )
    fit(Classifier().to(device), batches(device, steps=2))
    out = cupy.zeros(1024, dtype=cupy.float32)
    kernel((64,), (128,), (out, 1 << 40))
    fit(Classifier().to(device), batches(device))


def kernel_misaligned(device):
    import cupy

    kernel = cupy.RawKernel(
        r"""extern "C" __global__ void pair(char* out) { *(float4*)(out + 1) = make_float4(1, 2, 3, 4); }""", "pair"
    )
    kernel((1,), (1,), (cupy.zeros(1024, dtype=cupy.uint8),))
    fit(Classifier().to(device), batches(device))


def kernel_traps(device):
    import cupy

    kernel = cupy.RawKernel(r"""extern "C" __global__ void stop(float* out) { asm("trap;"); }""", "stop")
    kernel((1,), (1,), (cupy.zeros(4, dtype=cupy.float32),))
    fit(Classifier().to(device), batches(device))


def triton_shared_memory(device):
    import triton
    import triton.language as tl

    @triton.jit
    def product(a, b, c, SIZE: tl.constexpr):
        rows, columns = tl.arange(0, SIZE)[:, None], tl.arange(0, SIZE)[None, :]
        x, y = tl.load(a + rows * SIZE + columns), tl.load(b + rows * SIZE + columns)
        tl.store(c + rows * SIZE + columns, tl.dot(x, y))

    size = 256
    a, b = torch.randn(size, size, device=device), torch.randn(size, size, device=device)
    product[(1,)](a, b, torch.empty_like(a), SIZE=size)


def triton_beyond(device):
    import triton
    import triton.language as tl

    @triton.jit
    def fill(out, offset, SIZE: tl.constexpr):
        tl.store(out + offset + tl.arange(0, SIZE), 1.0)

    out = torch.zeros(1024, device=device)
    fill[(1,)](out, 1 << 40, SIZE=128)
    log.info("sum %.1f", out.sum().item())


def triton_does_not_compile(device):
    import triton
    import triton.language as tl

    @triton.jit
    def fill(out, SIZE: tl.constexpr):
        tl.store(out + tl.arange(0, SIZE), scale)  # noqa: F821

    fill[(1,)](torch.zeros(1024, device=device), SIZE=128)


def extension_does_not_compile(device):
    from torch.utils.cpp_extension import load_inline

    source = """
    #include <torch/extension.h>
    __global__ void scale(float* x, float by, int n) { int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) x[i] *= factor; }
    torch::Tensor scaled(torch::Tensor x, double by) {
      scale<<<(x.numel() + 255) / 256, 256>>>(x.data_ptr<float>(), by, x.numel());
      return x;
    }
    """
    load_inline("scaling", cpp_sources="torch::Tensor scaled(torch::Tensor x, double by);", cuda_sources=source,
                functions=["scaled"])  # fmt: skip


def attention_without_kernel(device):
    from torch.nn.attention import SDPBackend, sdpa_kernel

    q = torch.randn(2, 8, 128, 64, device=device)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        log.info("mean %.3f", F.scaled_dot_product_attention(q, q, q).mean().item())


def convolution_of_integers(device):
    layer = nn.Conv2d(3, 8, 3).to(device)
    images = torch.randint(0, 255, (8, 3, 64, 64), device=device, dtype=torch.uint8)
    log.info("mean %.3f", layer(images).mean().item())


def channels_do_not_fit(device):
    layer = nn.Conv2d(3, 8, 3).to(device)
    log.info("mean %.3f", layer(torch.randn(8, 1, 64, 64, device=device)).mean().item())


def tokens_beyond_vocabulary(device):
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=1000, hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=128, max_position_embeddings=128)  # fmt: skip
    model = BertModel(config).to(device)
    ids = torch.randint(900, 1020, (2, 16), device=device)
    log.info("mean %.3f", model(input_ids=ids).last_hidden_state.mean().item())


def sequence_beyond_positions(device):
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=1000, hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=128, max_position_embeddings=128)  # fmt: skip
    model = BertModel(config).to(device)
    ids = torch.randint(0, 1000, (8, 512), device=device)
    log.info("mean %.3f", model(input_ids=ids).last_hidden_state.mean().item())


def to_numpy(device):
    out = Classifier().to(device)(torch.randn(4, 32, device=device))
    log.info("predictions %s", out.detach().numpy().argmax(1))
