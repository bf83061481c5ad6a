"""Diagnose failed runs of a project at once, without Snakemake; prints a line for each. --help says how."""

import sys

from postmortem.jobs.diagnose_now import main

sys.exit(main())
