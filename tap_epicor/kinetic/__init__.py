"""Epicor's REST API as a library: knows nothing of Singer."""
