"""The place in the project's own code: where a cause is mended, or where it came to light."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from ...facts import CodeFrame, RaisedException, RunFacts
from ...paths import names
from ..exceptions.classify import last_own_frame, raised_on_purpose
from ..findings import Fix
from ..resolve import Judgement

# Causes that are mended in the code; of all others the code is only where they came to light.
_IN_THE_CODE = ("code.", "training.autograd", "training.dtype_mismatch", "model.shape_mismatch", "gpu.device_mismatch")
_TRAINING = ("training.nan_loss", "training.divergence")  # a check of the project that finds NaN is right to
_BY_A_CHECK = (
    "A check of the project itself refuses what it got, in {where}: “{said}”. Change the setting, argument or data "
    "that it speaks of; if that is as it should be, correct the check."
)
_NO_SUCH_KEY = (
    "The key {said} is not in what {where} looks it up in: put it there, write the name that is there, or take it out "
    "of the input."
)
_CAME_TO_LIGHT = "It came to light at {where}."
_OF_A_LIBRARY = "Correct what {where} passes on: {said}."
_SOURCE_CHARACTERS = 160  # of a line of code, in a fix
_SAID_CHARACTERS = 200  # of a message, in a fix: the whole stands in the evidence
# A sentence, or a part of one behind a semicolon, that tells the reader what to do.
_ADVISES = re.compile(
    r"(?:^|(?<=[.;:!?)] )|(?<=, ))(?P<said>(?:please|you (?:may|might|can|should|need to|must|have to)|try|consider|use"
    r"|call|set|pass|remove|install|make sure|ensure|specify|provide|instead)\b[^\n;]{6,240}?)(?=[.;](?:\s|$)|$)",
    re.I | re.M,
)
_NO_ADVICE = re.compile(
    r"\breport|\bissue|\bbug\b|more (?:info|detail)|\bsee\b|documentation|\bdocs\b|^set of|^use of", re.I
)
_MESSAGE_CHARACTERS = 2_000
_SMALLER_STEPS = (
    "Run it again with a tenth of the learning rate and clipped gradients: `torch.nn.utils.clip_grad_norm_("
    "model.parameters(), 1.0)` in front of the optimizer's step. It came to light at {where}."
)
_ADVICE = {
    "config.invalid": "Give what {where} passes on a value that is taken: {said}.",
    "data.malformed": "Repair what {where} reads, or leave out the records that the message is about.",
    "data.empty": "Give {where} something to work on: correct the path, the filter or the split that left nothing.",
    "model.shape_mismatch": "Make the sizes agree in {where} ({said}): print the shapes in front of that line, and "
    "correct the layer or the data whose size is not the one meant.",
    "data.missing": "Put what {where} asks for where it looks for it, or correct the path there or in the setting that "
    "it comes from: {said}.",
    "model.state_dict_mismatch": "In {where} load into the model that was saved, made with the same settings; for "
    "parts of it use `strict=False`.",
    "training.nan_loss": _SMALLER_STEPS,
    "training.divergence": _SMALLER_STEPS,
}


def at_own_code(facts: RunFacts, root: Judgement, raised: RaisedException, found: list[Fix]) -> list[Fix]:
    """The fixes with the place in the project's own code: that of the first one where it has none but words."""
    frame = last_own_frame(raised)
    if frame is None:
        return found
    known = next((code for code in facts.code if code.line == frame.line and names(frame.file, code.file)), None)
    file = known.file if known else frame.file
    remarks, command = _what_is_known_of(facts, known)
    if found and found[0].file == frame.file and found[0].line == frame.line:
        first = found[0]
        return [replace(first, text=first.text + remarks, command=first.command or command, file=file), *found[1:]]
    where = f"{file}, line {frame.line}" + (f" in {frame.function}" if frame.function not in ("", "<module>") else "")
    if any(fix.line for fix in found):
        return found
    if found and not (found[0].command or found[0].config or found[0].diff):
        came = _CAME_TO_LIGHT.format(where=where)
        return [replace(found[0], text=f"{found[0].text} {came}", file=file, line=frame.line), *found[1:]]
    advice = _advice(root, raised)
    if found and (advice == _CAME_TO_LIGHT or root.id in _TRAINING):  # the page names the place anyway
        return found
    return [
        *found,
        Fix(
            advice.format(where=where, said=_said(raised), source=frame.source.replace("`", "'")) + remarks,
            command,
            None,
            file,
            frame.line,
        ),
    ]


def advised(message: str) -> str:
    """What an exception's message tells the reader to do, at most two sentences of it; empty if it tells nothing."""
    said = [found["said"].strip().rstrip(".,;") for found in _ADVISES.finditer(message[:_MESSAGE_CHARACTERS])]
    said = [text for text in said if not _NO_ADVICE.search(text)][:2]
    return "; ".join(f"{text[:1].lower()}{text[1:]}" for text in said)


def _advice(root: Judgement, raised: RaisedException) -> str:
    """What to do at a place where a cause came to light, for exceptions of which no more is known."""
    if raised_on_purpose(raised) and root.id not in _TRAINING:
        return _BY_A_CHECK
    if raised.type == "KeyError" and raised.message:
        return _NO_SUCH_KEY
    if said := advised(raised.message):
        return "Do in {where} what the message asks for: " + said.replace("{", "{{").replace("}", "}}") + "."
    if root.id in _ADVICE:
        return _ADVICE[root.id]
    if not root.id.startswith(_IN_THE_CODE):
        return _CAME_TO_LIGHT
    if _shows(raised):
        return "Correct `{source}` in {where}: {said}."
    return (
        _OF_A_LIBRARY if raised.frames and not raised.frames[-1].own and raised.message.strip() else "Correct {where}."
    )


def _shows(raised: RaisedException) -> bool:
    """Whether the line that raised it is the project's, and says with the message what is to be corrected."""
    inner = raised.frames[-1] if raised.frames else None
    return bool(inner and inner.own and 0 < len(inner.source) <= _SOURCE_CHARACTERS and raised.message.strip())


def _said(raised: RaisedException) -> str:
    """The first sentence or line of a message."""
    said = raised.message.strip().split("\n")[0].rstrip(".")
    return said if len(said) <= _SAID_CHARACTERS else f"{said[:_SAID_CHARACTERS].rpartition(' ')[0]} …"


def _what_is_known_of(facts: RunFacts, known: CodeFrame | None) -> tuple[str, str | None]:
    """What the code and its history say of a line, as sentences, and the command that shows it."""
    remarks, command = "", None
    if known and known.nearest_names:
        remarks += f" Perhaps {' or '.join(known.nearest_names)} was meant."
    if known and (commit := commit_since_good_run(facts, known)):
        remarks += f" It worked before {commit} changed it: look at what that did."
        command = f"git show {commit} -- {shlex.quote(known.file)}"
    return remarks, command


def commit_since_good_run(facts: RunFacts, frame: CodeFrame) -> str:
    """The commit that changed a frame's line after the last good run; empty if none did."""
    differences = facts.good_run.differences if facts.good_run else []
    commits = [item.now.partition(" ")[0] for item in differences if item.kind == "code"]
    return next((commit for commit in commits if commit and frame.changed_by.startswith(commit)), "")
