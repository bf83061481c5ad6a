"""Where this copy of postmortem lies, and the parts of it that are no Python: the one place that counts folders."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parents[2]
SNAKEFILE = REPOSITORY / "Snakefile"
CATALOGUE = REPOSITORY / "workflow" / "catalogue"
RELEASES = REPOSITORY / "workflow" / "releases.yaml"
RECORD = REPOSITORY / "workflow" / "record.yaml"
PYTHON_ERRORS = REPOSITORY / "workflow" / "python_errors.yaml"
SCHEMAS = REPOSITORY / "workflow" / "schemas"
CONFIG = REPOSITORY / "config"
