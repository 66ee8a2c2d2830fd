"""``python -m gansmith`` is ``gansmith``."""

import sys

from gansmith.commands.cli import main

sys.exit(main())
