"""Input that nobody thought of: properties that hold for all of it."""
