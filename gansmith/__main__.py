"""``python -m gansmith`` is ``gansmith``."""

import sys

from gansmith.cli import main

sys.exit(main())
