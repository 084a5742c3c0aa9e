"""Kinetic for Python programs: `from tap_epicor.kinetic import Kinetic`."""
