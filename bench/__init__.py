"""How fast the tap is, beside other ways to copy the same rows: `make bench`, and docs/speed.md says what it shows."""
