"""Hold a database's write lock, as a backup or a forgotten shell does, while another command runs.

python -m pipeline.contend data/project.db COMMAND [ARGUMENT...]
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing


def main(path: str, command: list[str]) -> int:
    """The exit status of the command."""
    with closing(sqlite3.connect(path, timeout=30)) as database:
        database.execute("BEGIN EXCLUSIVE")
        return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
