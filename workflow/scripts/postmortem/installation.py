"""Where this copy of postmortem lies, and the parts of it that are no Python: the one place that counts folders."""

import json
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from .files import write_whole

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parents[2]
SNAKEFILE = REPOSITORY / "Snakefile"
CATALOGUE = REPOSITORY / "workflow" / "catalogue"
RELEASES = REPOSITORY / "workflow" / "releases.yaml"
RECORD = REPOSITORY / "workflow" / "record.yaml"
PYTHON_ERRORS = REPOSITORY / "workflow" / "python_errors.yaml"
SCHEMAS = REPOSITORY / "workflow" / "schemas"
CONFIG = REPOSITORY / "config"


def table(path: Path) -> Any:
    """The content of a YAML file of the product.

    It is read from JSON, in a twentieth of the time, where an earlier process could leave that beside the file, as
    Python leaves what it compiles: compressed, so that a search in the folder does not find everything twice. Raises
    OSError if the installation lacks the file.
    """
    status = path.stat()
    made_of = [status.st_mtime_ns, status.st_size]
    quick = path.parent / "__pycache__" / f"{path.name}.json.z"
    with suppress(OSError, ValueError, TypeError, KeyError, zlib.error):
        kept = json.loads(zlib.decompress(quick.read_bytes()))
        if kept["made_of"] == made_of:
            return kept["table"]
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content = yaml.load(path.read_text(encoding="utf-8"), loader)
    if not sys.dont_write_bytecode:
        text = json.dumps({"made_of": made_of, "table": content}, default=str)
        if json.loads(text)["table"] == content:  # else it holds what JSON lacks: a date, a key that is no text
            with suppress(OSError):  # the installation may be somebody else's
                write_whole(quick, zlib.compress(text.encode(), 1))
    return content
