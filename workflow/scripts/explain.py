"""Why this cause, on one screen: explain.py RUN_DIRECTORY...

needs: diagnosis.json in each run's directory. makes: text on the terminal: how the run ended, what decided, the
candidates with what spoke for and against each, and the file with the rule behind each.
"""

import sys
from pathlib import Path

from postmortem.jobs.explain import main

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]))
