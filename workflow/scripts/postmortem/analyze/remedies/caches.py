"""Which program's cache a file or an exception belongs to, and the variables that put it elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...facts import RaisedException

FRAMES_ASKED = 3  # the innermost of packages: whose file it was that was being written
_STANDARD_LIBRARY = re.compile(r"/lib/python[\d.]+/(?!site-packages|dist-packages)")


@dataclass(frozen=True)
class Cache:
    """A cache that a program keeps below the home directory. command: puts it below the working directory instead."""

    owner: str
    command: str


# Owner, its variables, its place below the home directory, and its code that writes there; the special come first.
_MAPS: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    ("Triton", ("TRITON_CACHE_DIR",), r"/\.triton\b", r"/triton/(?:runtime/cache|compiler)"),
    ("torch.compile", ("TORCHINDUCTOR_CACHE_DIR",), r"/torchinductor_", r"/torch/_inductor/"),
    ("torch's extensions", ("TORCH_EXTENSIONS_DIR",), r"/torch_extensions\b", r"/torch/utils/cpp_extension\.py"),
    ("vLLM", ("VLLM_CACHE_ROOT",), r"/\.cache/vllm\b", r"/vllm/compilation/"),
    (
        "Hugging Face", ("HF_HOME",), r"/\.cache/huggingface\b",
        r"/huggingface_hub/(?:file_download|_snapshot)|/datasets/(?:arrow_writer|builder|utils/file_utils)",
    ),
    ("torch.hub", ("TORCH_HOME",), r"/\.cache/torch\b", r"/torch/hub\.py"),
    ("pip", ("PIP_CACHE_DIR",), r"/\.cache/pip\b", r"/pip/_internal/"),
    ("uv", ("UV_CACHE_DIR",), r"/\.cache/uv\b", r"$^"),
    ("Poetry", ("POETRY_CACHE_DIR",), r"/\.cache/pypoetry\b", r"/poetry/"),
    ("conda", ("CONDA_PKGS_DIRS",), r"/\.conda/pkgs\b|conda\d?/pkgs\b", r"/conda/(?:core|gateways)/"),
    (
        "matplotlib", ("MPLCONFIGDIR",), r"/\.(?:config|cache)/matplotlib\b",
        r"/matplotlib/(?:__init__|font_manager)\.py",
    ),
    ("Numba", ("NUMBA_CACHE_DIR",), r"/\.cache/numba\b", r"/numba/core/caching\.py"),
    ("CuPy", ("CUPY_CACHE_DIR",), r"/\.cupy\b", r"/cupy/cuda/compiler\.py"),
    ("the CUDA driver", ("CUDA_CACHE_PATH",), r"/\.nv/ComputeCache\b", r"$^"),
    ("Weights & Biases", ("WANDB_DIR", "WANDB_CACHE_DIR"), r"/\.(?:cache|config)/wandb\b", r"/wandb/"),
    (
        "Apptainer", ("APPTAINER_CACHEDIR", "SINGULARITY_CACHEDIR", "APPTAINER_TMPDIR", "SINGULARITY_TMPDIR"),
        r"/\.(?:apptainer|singularity)\b", r"$^",
    ),
    ("Nextflow", ("NXF_HOME",), r"/\.nextflow\b", r"$^"),
    ("Julia", ("JULIA_DEPOT_PATH",), r"/\.julia\b", r"$^"),
    ("NLTK", ("NLTK_DATA",), r"/nltk_data\b", r"/nltk/downloader\.py"),
    ("Keras", ("KERAS_HOME",), r"/\.keras\b", r"/keras/.*(?:data_utils|file_utils)\.py"),
    ("TensorFlow Datasets", ("TFDS_DATA_DIR",), r"/tensorflow_datasets\b", r"/tensorflow_datasets/core/"),
    (
        "IPython", ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"), r"/\.(?:ipython|jupyter)\b",
        r"/IPython/paths",
    ),
    ("Snakemake", ("XDG_CACHE_HOME",), r"/\.cache/snakemake\b", r"/snakemake/sourcecache\.py"),
    ("a program", ("XDG_CACHE_HOME",), r"(?:/|^)\.cache\b", r"$^"),
)  # fmt: skip
_CACHES = [(owner, names, re.compile(place), re.compile(code)) for owner, names, place, code in _MAPS]


def cache_of(path: str, exception: RaisedException | None = None) -> Cache | None:
    """The cache that a path lies in, or that the code which raised an exception writes; None if it is none known."""
    frames = [frame for frame in exception.frames if not _STANDARD_LIBRARY.search(frame.file)] if exception else []
    inner = frames[-FRAMES_ASKED:]
    found = next((each for each in _CACHES if path and each[2].search(path)), None)
    if found is None or found[0] == "a program":
        found = next((each for each in _CACHES if any(each[3].search(frame.file) for frame in inner)), found)
    if found is None:
        return None
    owner, names, _, _ = found
    name = owner.removeprefix("the ").split("'")[0].replace(" &", "").replace(" ", "-").lower()
    folder = "" if "XDG_CACHE_HOME" in names else f"/{name}"
    settings = " ".join(f'{variable}="$PWD/.cache{folder}"' for variable in names)
    return Cache(owner, f"export {settings}")
