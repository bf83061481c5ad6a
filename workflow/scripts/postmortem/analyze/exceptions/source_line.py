"""What the line that raised an exception says beyond its type: an assertion without a message, a lookup, a first item.

`assert os.path.isdir(root)` is about data, `cfg["model"]["depth"]` about the configuration, `self.class_to_ind[name]`
about labels, though all of them are an AssertionError or a KeyError of the project's own code.
"""

from __future__ import annotations

from ...facts import RaisedException
from .assertions import asserted
from .lookups import attribute_missing, fields_missing, item_missing, key_missing, unanswered
from .other_form import other_form
from .told import Told


def told(exception: RaisedException) -> Told | None:
    """What the innermost own line tells; None where it is no line of the project, or says no more than the type."""
    frame = next((frame for frame in reversed(exception.frames) if frame.own), None)
    if frame is None or not frame.source:
        return None
    name = exception.type.rsplit(".", 1)[-1]
    innermost = frame is exception.frames[-1]
    if name == "AssertionError" and innermost and frame.source.startswith("assert"):
        return asserted(frame)
    if name == "KeyError" and (innermost or exception.frames[-1].file.endswith("configparser.py")):
        return key_missing(exception.message.strip(), frame)
    if name == "AttributeError":
        return attribute_missing(exception.message, frame)
    if name == "IndexError" and innermost:
        return item_missing(frame)
    if name == "OSError" and innermost and "[Errno 9]" in exception.message:
        return unanswered(frame)
    if name in ("ValueError", "TypeError"):
        unpacked = innermost and "values to unpack" in exception.message
        return other_form(exception.message, frame) or (fields_missing(frame) if unpacked else None)
    return None
