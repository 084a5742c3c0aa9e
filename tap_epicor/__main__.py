"""`python -m tap_epicor` is the command `tap-epicor`."""

from tap_epicor.cli import main

main()
