"""``python -m benchmarks``: what ``script/bench`` runs once everything is installed and built."""

import sys

from benchmarks.harness.cli import main

sys.exit(main())
