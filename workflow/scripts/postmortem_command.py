"""The command `postmortem`, which `make setup` puts into .venv/bin. --help says its words."""

import sys

from postmortem.jobs.command import main

sys.exit(main())
