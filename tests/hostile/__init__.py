"""A server that means harm."""
