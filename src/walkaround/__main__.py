"""`python -m walkaround` is `walkaround`."""

from walkaround.cli import main

main()
