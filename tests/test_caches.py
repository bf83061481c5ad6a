"""Whose cache a path or an exception is about, and the setting that puts it elsewhere."""

from __future__ import annotations

import pytest

from postmortem.analyze.remedies.caches import cache_of
from postmortem.facts import Frame, RaisedException

PACKAGES = "/home/mara/env/lib/python3.10/site-packages"


def raised(*files: str) -> RaisedException:
    return RaisedException("OSError", "[Errno 122] Disk quota exceeded", [Frame(file, 1, "f") for file in files])


@pytest.mark.parametrize(
    ("path", "files", "setting"),
    [
        ("/home/mara/.triton/cache/x.json", (), 'TRITON_CACHE_DIR="$PWD/.cache/triton"'),
        ("", (f"{PACKAGES}/triton/runtime/cache.py",), 'TRITON_CACHE_DIR="$PWD/.cache/triton"'),
        ("/home/mara/.cache/huggingface/hub/x", (), 'HF_HOME="$PWD/.cache/hugging-face"'),
        ("/.cache", (f"{PACKAGES}/snakemake/sourcecache.py", "/usr/lib/python3.10/os.py"), "XDG_CACHE_HOME"),
        ("/home/mara/.cache/unheard-of/x", (), 'XDG_CACHE_HOME="$PWD/.cache"'),
        ("", (f"{PACKAGES}/wandb/sdk/lib/filesystem.py",), "WANDB_DIR"),
    ],
)
def test_the_owner_of_a_cache(path: str, files: tuple[str, ...], setting: str) -> None:
    cache = cache_of(path, raised(*files))
    assert cache is not None and setting in cache.command and cache.command.startswith("export ")


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("/home/mara/gnn/out/best.pt", (f"{PACKAGES}/torch/serialization.py",)),
        ("data/cache/graphs.pt", ()),
        ("", (f"{PACKAGES}/triton/runtime/cache.py", *[f"{PACKAGES}/torch/serialization.py"] * 3)),
    ],
)
def test_files_that_are_no_cache(path: str, files: tuple[str, ...]) -> None:
    assert cache_of(path, raised(*files)) is None


def test_every_cache_has_a_place_of_its_own() -> None:
    assert cache_of("") is None
