"""Check a project's own catalogue entries: check_catalogue.py PROJECT

needs: PROJECT/postmortem/catalogue/*.yaml and their tests in PROJECT/postmortem/tests/<cause id>/<title>.yaml.
makes: a line per entry; exit status 1 if one does not keep to its tests.
"""

import sys
from pathlib import Path

from postmortem.analyze import catalogue
from postmortem.jobs import catalogue_check


def main(project: Path) -> int:
    """Check every entry of the project's own folder, within the whole catalogue."""
    try:
        everything = catalogue.load(catalogue.files(project))
        own = catalogue.load(sorted((project / catalogue.USER_FOLDER).rglob("*.yaml"))).entries
    except catalogue.CatalogueError as error:
        print(error)
        return 1
    if not own:
        print(f"{project / catalogue.USER_FOLDER} holds no entries")
        return 1
    wrong = 0
    for entry in own:
        found = catalogue_check.problems(entry, everything, project / "postmortem" / "tests")
        wrong += bool(found)
        print("\n".join(found) if found else f"{entry.name}: keeps to its tests")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
