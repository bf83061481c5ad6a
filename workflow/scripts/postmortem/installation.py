"""Where this copy of postmortem lies, and the parts of it that are no Python: the one place that counts folders."""

from pathlib import Path
from typing import Any

import yaml

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
    """The content of a YAML file of the product; libyaml, where it is there, reads it in a tenth of the time.

    Raises OSError if the installation lacks the file.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), loader)
