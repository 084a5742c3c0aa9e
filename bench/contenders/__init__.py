"""The programs that the bench runs, each in a process of its own: address of a set in, rows out."""
