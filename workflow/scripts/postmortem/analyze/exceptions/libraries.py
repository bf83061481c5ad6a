"""What the parts of installed packages are about: where an exception was raised says much about one never seen before.

Data only. A path is that of a frame's file below site-packages; the first expression that is found in it counts, so
that parts of a package come before the whole of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ...facts import RaisedException

FRAMES_ASKED = 3  # the innermost; what stands farther out called them for a reason of its own


@dataclass(frozen=True)
class Topic:
    """What a failure raised in a part of a library is about, and how sure that is without knowing the message.

    firm: whether it is so whatever the message says: a compiler's complaint of an argument is still the compiler's.
    """

    cause: str
    confidence: float
    firm: bool = False


_FIRM: tuple[tuple[str, str, float], ...] = (
    (
        r"torch/(?:_dynamo|_inductor|fx)/|torch/_functorch/(?:_aot_autograd|partitioners)|"
        r"torch/utils/cpp_extension\.py|triton/(?:compiler|backends)/",
        "code.build", 0.6,
    ),
    (r"torch/distributed/elastic/rendezvous/|torch/distributed/rendezvous\.py", "distributed.rendezvous", 0.6),
    (r"argparse\.py|absl/flags|jsonargparse/|hydra/|omegaconf/|draccus/|tyro/|gin/", "config.invalid", 0.65),
    (r"snakemake/", "workflow.definition", 0.5),
)  # fmt: skip
_MAPS: tuple[tuple[str, str, float], ...] = (
    # reading checkpoints
    (
        r"torch/(?:serialization|jit/_serialization|_weights_only_unpickler)\.py|safetensors/",
        "model.checkpoint_corrupt", 0.45,
    ),
    (r"torch/distributed/checkpoint/", "model.state_dict_mismatch", 0.45),
    # devices, kernels, compilers
    (r"torch/_functorch/|torch/func/", "code.bug", 0.45),
    (r"torch/(?:_?export|onnx|jit)/|torch/utils/_sympy/", "code.build", 0.5),
    (r"torch/cuda/(?:__init__|_utils|memory)\.py|pycuda/|numba/cuda/", "gpu.unavailable", 0.5),
    (r"torch/backends/|cupy(?:x|_backends)?/", "gpu.library", 0.45),
    (r"bitsandbytes/|flash_attn/|xformers/|apex/|transformer_engine/", "gpu.library", 0.45),
    # processes that work together
    (r"torch/distributed/(?:fsdp|tensor|pipelining)/", "config.invalid", 0.4),
    (r"torch/distributed/|horovod/|mpi4py/", "distributed.backend", 0.5),
    (r"torch/multiprocessing/spawn\.py|concurrent/futures/|multiprocessing/pool\.py", "code.bug", 0.35),
    # data
    (
        r"torch/utils/data/_utils/collate\.py|torch_geometric/loader/|torch_geometric/data/collate\.py",
        "model.shape_mismatch", 0.5,
    ),
    (r"torch/utils/data/(?:sampler|dataset|distributed)\.py", "data.empty", 0.5),
    (r"pandas/(?:io|_libs/parsers)|numpy/lib/(?:_?npyio|format)|csv\.py", "data.malformed", 0.6),
    (r"pandas/core/(?:indexes|indexing|frame|series|generic)|polars/", "data.malformed", 0.4),
    (
        r"pyarrow/|fastparquet/|h5py/|tables/|zarr/|netCDF4/|xarray/(?:backends|coding|conventions)|anndata/|scanpy/|nibabel/|pydicom/|"
        r"rasterio/|fiona/",
        "data.malformed", 0.5,
    ),
    (r"PIL/Image(?:Draw|Font|Text|Palette|Color|Chops|Filter|Ops|Transform)", "code.bug", 0.45),
    (r"xarray/", "code.bug", 0.45),
    (
        r"PIL/|cv2/|imageio/|skimage/|torchvision/(?:io|datasets)/|torchaudio/|soundfile|librosa/|"
        r"decord/|av/",
        "data.malformed", 0.55,
    ),
    (r"datasets/(?:load|builder|packaged_modules|data_files)", "data.missing", 0.45),
    (r"datasets/", "data.malformed", 0.45),
    (r"sklearn/utils/(?:validation|multiclass|_array_api)\.py|sklearn/metrics/", "data.malformed", 0.5),
    (r"sklearn/utils/_param_validation\.py|sklearn/model_selection/", "config.invalid", 0.5),
    (r"torch_geometric/(?:datasets|data)/|ogb/|dgl/data/|rdkit/|Bio/|pysam/", "data.malformed", 0.45),
    (r"networkx/readwrite/|scipy/io/", "data.malformed", 0.5),
    (r"networkx/|dgl/", "code.bug", 0.45),
    # settings
    (
        r"click/|typer/|fire/|pydantic(?:_core)?/|yaml/|tomllib|configparser",
        "config.invalid", 0.65,
    ),
    (
        r"transformers/(?:training_args|configuration_|generation/configuration|hf_argparser|integrations/deepspeed)",
        "config.invalid", 0.6,
    ),
    (r"deepspeed/runtime/config|deepspeed/", "config.invalid", 0.45),
    (
        r"(?:pytorch_lightning|lightning/(?:pytorch|fabric))/.*(?:connectors|configuration_validator|argparse|strategies)",
        "config.invalid", 0.55,
    ),
    (r"(?:pytorch_lightning|lightning/pytorch)/callbacks/", "training.monitor_missing", 0.5),
    (r"(?:pytorch_lightning|lightning/pytorch)/(?:loops|core)/", "config.invalid", 0.4),
    (r"accelerate/|peft/|trl/|optuna/|ray/tune/|ray/train/|vllm/(?:config|engine)", "config.invalid", 0.45),
    (r"torch/optim/|timm/optim/|gymnasium/|gym/|ray/rllib/|xgboost/|lightgbm/|catboost/", "config.invalid", 0.45),
    # models
    (r"torch/autograd/", "training.autograd", 0.5),
    (
        r"torch/nn/(?:functional|modules)|torch/functional\.py|einops/|torch_geometric/nn/|dgl/nn/|"
        r"torch_scatter|torch_sparse",
        "model.shape_mismatch", 0.5,
    ),
    (r"transformers/modeling_utils\.py", "model.state_dict_mismatch", 0.4),
    (r"transformers/(?:tokenization|processing|feature_extraction|image_processing)", "config.invalid", 0.4),
    (r"transformers/models/|timm/models/|diffusers/models/", "model.shape_mismatch", 0.4),
    (r"keras/|tensorflow/python/(?:framework|ops)/|jax/|flax/|haiku/|optax/", "model.shape_mismatch", 0.4),
    # trackers and networks
    (r"mlflow/|alembic/", "tracking.mlflow", 0.6),
    (r"wandb/sdk/launch/|wandb/sdk/sweeps/", "config.invalid", 0.45),
    (r"wandb/(?:sdk/data_types|integration|plot)/", "code.bug", 0.45),
    (r"wandb/(?:errors|apis|sdk)|comet_ml/|neptune/|clearml/|aim/", "tracking.service", 0.5),
    (r"sqlalchemy/(?:sql|orm|ext)/", "code.bug", 0.5),
    (r"sqlalchemy/|sqlite3/|aiosqlite/|psycopg2?/", "tracking.database", 0.5),
    (r"huggingface_hub/_?(?:oauth|login)|huggingface_hub/utils/_auth", "tracking.auth", 0.5),
    (r"huggingface_hub/cli/", "config.invalid", 0.5),
    (
        r"huggingface_hub/|requests/|urllib3/|httpx/|httpcore/|aiohttp/|botocore/|s3fs/|gcsfs/|"
        r"google/cloud/storage",
        "io.network", 0.6,
    ),
    (r"urllib/request\.py|http/client\.py|ssl\.py|socket\.py|ftplib\.py", "io.network", 0.6),
)  # fmt: skip
# What computes, draws or stores what it is given: its arguments come from the code and the data. Those of what trains,
# builds models or serves them come from settings.
_COMPUTES = re.compile(
    r"(?:^|/)(?:numpy|scipy|pandas|polars|pyarrow|xarray|dask|networkx|matplotlib|mpl_toolkits|seaborn|PIL|h5py|zarr|"
    r"jax|functorch|tensorboard|sqlalchemy|keras/src/(?:ops|backend)|flax/(?:nnx|core)|dgl/(?!nn/)|"
    r"torch/(?:functional|linalg|fft|special|sparse|nested|func|distributions|masked|export|jit|fx|nn/functional|_\w+)|"
    r"torchvision/transforms/(?:v2/)?functional|torchaudio/functional|wandb/(?:sdk/data_types|integration|plot))\b"
)
# What runs on each batch is given what the code calls it with; what a setting can have wrong was refused when it was
# built.
_RUNS_ON_DATA = re.compile(
    r"^_?(?:forward\w*|__call__|call|update|compute|loss\w*|step|backward|collate\w*|__getitem__|predict\w*|transform|"
    r"encode|decode|pre_?process|post_?process|log|save|convert)$"
)
# What MLflow refuses to store has a cause of its own.
_TRACKS = re.compile(r"(?:^|/)mlflow/(?:store|tracking|entities|utils|server|projects)/")
_CHECKS_DATA = re.compile(r"(?:^|/)sklearn/utils/(?:validation|multiclass)\.py")
# An environment may be called as a package is: /opt/envs/snakemake/lib/python3.11/site-packages/…
_ABOVE_PACKAGES = re.compile(r"^.*/(?:(?:site|dist)-packages|python\d[\d.]*)/(?:[^/]+\.egg/)?")
_TOPICS = [
    (re.compile(rf"(?:^|/)(?:{path})"), Topic(cause, confidence, firm))
    for maps, firm in ((_FIRM, True), (_MAPS, False))
    for path, cause, confidence in maps
]


def refused_by(exception: RaisedException) -> str:
    """Whose an argument is that a library refused in general words: the code's, a setting, or that of the tracker."""
    if not exception.frames:
        return "config.invalid"
    inner = exception.frames[-1]
    path = _ABOVE_PACKAGES.sub("", inner.path)
    if _TRACKS.search(path):
        return "tracking.mlflow"
    if _CHECKS_DATA.search(path):
        return "data.malformed"
    return "code.bug" if _COMPUTES.search(path) or _RUNS_ON_DATA.search(inner.function) else "config.invalid"


def topic_of(exception: RaisedException) -> Topic | None:
    """What the innermost library frames are about; None where the project's own code raised it, or nobody knows.

    Firm is only what the innermost one is about: a compiler's wrapper around a call says nothing of what was called.
    """
    for distance, frame in enumerate(reversed(exception.frames[-FRAMES_ASKED:])):
        if frame.own:
            return None
        path = _ABOVE_PACKAGES.sub("", frame.path)
        for expression, topic in _TOPICS:
            if expression.search(path):
                return replace(topic, firm=topic.firm and distance == 0)
    return None
