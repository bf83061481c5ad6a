"""Installed packages in a traceback: which ones called each other, and whether they fit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...facts import Frame, RaisedException

_PACKAGE = re.compile(
    r"(?P<environment>.*?)/[Ll]ib(?:64)?/(?:python[\d.]+/)?(?:site|dist)-packages/(?:[^/]+\.egg/)?(?P<package>[A-Za-z_]\w*)"
)
# What Python says where a caller expects another version of what it calls.
_MISFIT = re.compile(
    r"module '(?P<module>\w+)[\w.]*' has no attribute|unexpected keyword argument|positional arguments? but|"
    r"missing \d+ required (?:positional|keyword-only) argument|cannot import name '[\w.]+' from '(?P<source>\w+)|"
    r"'(?P<type>\w+)' object has no attribute|^\w+ has no attribute \w+"
)
_ATTRIBUTE = re.compile(r"^'(?P<kind>\w+)' object has no attribute '(?P<name>\w+)'")
# Code of frameworks that only calls what it was given: what it hands on was written where it was called.
_PASSES_ON = re.compile(
    r"torch/nn/modules/module\.py|torch/amp/autocast_mode\.py|torch/utils/_contextlib\.py|torch/_dynamo/eval_frame\.py"
    r"|torch/nn/parallel/\w+\.py|accelerate/utils/operations\.py|deepspeed/(?:utils/nvtx|runtime/engine)\.py"
    r"|/(?:functools|contextlib)\.py"
)
_MISFIT_TYPES = {"AttributeError", "TypeError", "ImportError", "ModuleNotFoundError"}


# Modules whose package is called otherwise.
_PIP_NAMES = {
    "Bio": "biopython", "PIL": "pillow", "cv2": "opencv-python", "google": "protobuf", "hydra": "hydra-core",
    "skimage": "scikit-image", "sklearn": "scikit-learn", "yaml": "pyyaml",
}  # fmt: skip


def pip_name(module: str) -> str:
    """What pip calls the package of a module."""
    top = module.partition(".")[0]
    return _PIP_NAMES.get(top, top.replace("_", "-"))


@dataclass(frozen=True)
class Misfit:
    """Two installed packages of which one uses the other as another version of it would have to be used."""

    caller: str
    called: str


def package_of(frame: Frame) -> str:
    """The installed package that a frame belongs to, as its folder is called; empty for other code."""
    found = _PACKAGE.match(frame.path)
    return found["package"] if found else ""


def passes_on(frame: Frame) -> bool:
    """Whether a frame only calls what it was given, with the arguments that it was given."""
    return bool(_PASSES_ON.search(frame.path))


def interpreter_of(exception: RaisedException) -> str:
    """The Python of the environment that the innermost installed package lies in; empty where the frames tell none."""
    for frame in reversed(exception.frames):
        found = _PACKAGE.match(frame.path)
        if found and found["environment"].startswith("/"):
            return f"{found['environment']}/bin/python"
    return ""


@dataclass(frozen=True)
class Unfinished:
    """An object of a package that lacks what the package's own code sets when it makes one."""

    package: str
    kind: str
    name: str


def unfinished(exception: RaisedException) -> Unfinished | None:
    """Such an object, where one of its package's own methods asks it for what it should have."""
    inner = exception.frames[-1] if exception.frames else None
    found = _ATTRIBUTE.match(exception.message)
    if exception.type != "AttributeError" or inner is None or not found or inner.function == "__getattr__":
        return None
    package = package_of(inner)
    if not package or not re.search(rf"\bself\.{found['name']}\b", inner.source):
        return None
    return Unfinished(package, found["kind"], found["name"])


def misfit(exception: RaisedException) -> Misfit | None:
    """The two packages, if an installed package was refused by another one as a caller of the wrong version is."""
    if exception.type.rsplit(".", 1)[-1] not in _MISFIT_TYPES or not exception.frames:
        return None
    found = _MISFIT.search(exception.message)
    frames = list(exception.frames)
    while found and "argument" in found[0] and len(frames) > 1 and passes_on(frames[-1]):
        frames.pop()
    caller = package_of(frames[-1])
    if not found or not caller:
        return None
    # What has no such attribute says so itself; torch's modules say it of the project's own classes as well.
    if frames[-1].function == "__getattr__" and caller != "torch" and len(frames) > 1:
        asking = package_of(frames[-2])
        return Misfit(asking, caller) if asking not in ("", caller) else None
    named = found["module"] or found["source"] or ""
    if named and named.partition(".")[0] != caller:
        return Misfit(caller, named.partition(".")[0])
    before = next((p for f in reversed(frames) if (p := package_of(f)) != caller or f.own), "")
    if not named and before and "argument" in found[0]:
        return Misfit(before, caller)
    return None
