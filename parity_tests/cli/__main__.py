"""`python -m parity_tests.cli`: the `parity` command."""

import sys

from parity_tests.cli import main

sys.exit(main())
