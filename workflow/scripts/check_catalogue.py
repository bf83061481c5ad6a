"""Check catalogue entries against their tests: check_catalogue.py PROJECT | CAUSE | FILE.yaml ...

PROJECT: a folder, its own entries in PROJECT/postmortem/catalogue/ with their tests in PROJECT/postmortem/tests/.
CAUSE, FILE.yaml: bundled entries, as "gpu.oom", "gpu" or their file, with their tests in tests/catalogue/.
makes: a line per entry; exit status 1 if one does not keep to its tests.
"""

import sys
from pathlib import Path

from postmortem.analyze import catalogue
from postmortem.analyze.catalogue import CatalogueError, Entry
from postmortem.installation import CATALOGUE, REPOSITORY
from postmortem.jobs import catalogue_check

BUNDLED_TESTS = REPOSITORY / "tests" / "catalogue"


def bundled(wanted: str, entries: list[Entry]) -> list[Entry]:
    """The bundled entries of a cause, a group of causes, or a file."""
    path = Path(wanted).resolve()
    if path.is_file():
        return [entry for entry in entries if (CATALOGUE / entry.file) == path]
    return [entry for entry in entries if entry.id == wanted or entry.id.startswith(f"{wanted}.")]


def main(arguments: list[str]) -> int:
    """Check what is asked for, each within the whole catalogue."""
    wrong = 0
    for wanted in arguments:
        try:
            files = catalogue.files(Path(wanted) if Path(wanted).is_dir() else None)
            everything = catalogue.load(files, every_expression=True)
        except CatalogueError as error:
            print(error)
            return 1
        chosen, tests = bundled(wanted, everything.entries), BUNDLED_TESTS
        if not chosen:
            chosen = [entry for entry in everything.entries if Path(entry.file).is_relative_to(wanted)]
            tests = Path(wanted) / "postmortem" / "tests"
        if not chosen:
            print(f"{wanted}: neither a cause, nor a project with entries in {catalogue.USER_FOLDER}")
            wrong += 1
        for entry in chosen:
            found = catalogue_check.problems(entry, everything, tests)
            wrong += bool(found)
            print("\n".join(found) if found else f"{entry.name}: keeps to its tests")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
