"""``python -m fastlogreg``: the console command."""

import sys

from fastlogreg.cli import main

sys.exit(main())
