"""What an assertion without a message is about, by what it compares."""

from __future__ import annotations

import re

from ...facts import Frame
from ..remedies.asserted import wanted
from .told import Told, fix_at, place

SHOWN = 120  # characters of an expression that a text repeats

_CHECKPOINT = re.compile(r"ckpt|checkpoint|weight|pretrain|resume|\bmodel|snapshot|backbone", re.I)
_CONFIG_FILE = re.compile(r"\bcfg|config|\.ya?ml|settings", re.I)
_EXISTS = re.compile(r"\b(?:exists|isfile|isdir|is_file|is_dir|lexists)\(")
_SETTING = re.compile(
    r"\b(?:args|opts?|options|cfg|conf|config|hparams|params|flags|FLAGS)(?:\.\w+)*\.(?P<name>\w+)\b(?!\()"
)
# What an assertion without a message is about, most telling first: (expression, cause, confidence, what to do).
_ASSERTED: tuple[tuple[re.Pattern[str], str, float, str], ...] = (
    (
        re.compile(r"\bis_?(?:nan|inf|finite|posinf|neginf)\("),
        "training.nan_loss", 0.7,
        "a value is not finite: lower the learning rate, clip gradients, and check the inputs for NaN",
    ),
    (
        re.compile(r"\bcuda\.(?:is_available|device_count)\("),
        "gpu.unavailable", 0.7,
        "the process sees no GPU, or fewer than it is set to use: ask SLURM for it (`--gres=gpu:1`)",
    ),
    (
        re.compile(r"\b(?:labels?|targets?|class(?:es)?|cls|gts?|y)\w*(?:\[[^\]]*\])?\.(?:max|min)\("),
        "data.label_out_of_range", 0.65,
        "a label lies outside the classes: map the labels to 0 … classes - 1, or raise num_classes",
    ),
    (
        re.compile(r"\b(?:idx|ind|index|indices|ids?|tokens?|edge_index)\w*(?:\[[^\]]*\])?\.(?:max|min)\("),
        "data.id_out_of_range", 0.65,
        "an id or index lies outside its table: map unknown ids, or make the table larger",
    ),
    (
        re.compile(r"\b(?:gt_)?b?box(?:es)?\w*\[|\bbboxes\b|\broidb\b|\bmax_classes\b", re.I),
        "data.malformed", 0.6,
        "a box of the annotations is not valid (its corners are swapped, lie outside the image, or its class is "
        "missing): correct or drop it where the annotations are read, and delete their cache",
    ),
    (
        re.compile(
            r"\blen\([\w.\[\]'\"]+\) ?(?:> ?0|!= ?0|>= ?1)\b|"
            r"^assert [\w.]*(?:files|file_?names|names|paths|imgs|images|samples|dirs|items|records)\s*(?:,|$)"
        ),
        "data.empty", 0.65,
        "nothing was found: correct the path or pattern of the data, or make them first",
    ),
    (
        re.compile(r"\.(?:shape\b|size\(|ndim\b|dim\(\))"),
        "model.shape_mismatch", 0.65,
        "two sizes differ: make what arrives here as large as the check wants it",
    ),
)  # fmt: skip


def asserted(frame: Frame) -> Told | None:
    """What the line's assertion says; None where it says no more than that it failed."""
    check = frame.source.removeprefix("assert").strip()[:SHOWN]
    if _EXISTS.search(check):
        cause = "data.missing"
        if _CHECKPOINT.search(check):
            cause = "model.checkpoint_missing"
        elif _CONFIG_FILE.search(check.replace("cfg.", "").replace("config.", "")):
            cause = "config.invalid"
        setting = _SETTING.search(check)
        option = f" (option `--{setting['name']}`)" if setting else ""
        text = f"Correct the path that `{check}` asks for{option}, or put what it names there; see {place(frame)}."
        return Told(cause, 0.7, f"What `{check}` asks for is not there ({place(frame)}).", fix_at(text, frame))
    for expression, cause, confidence, advice in _ASSERTED:
        if expression.search(frame.source):
            words = f"The check `{check}` in {place(frame)} does not hold: {advice.partition(':')[0]}."
            return Told(cause, confidence, words, fix_at(f"In {place(frame)} {advice}.", frame))
    if (setting := _SETTING.search(check)) and (fix := wanted(frame.source, frame.file, frame.line)):
        return Told("config.invalid", 0.65, f"The check `{check}` in {place(frame)} refuses {setting['name']}.", fix)
    return None
