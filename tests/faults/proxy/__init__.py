"""Faults that a real proxy injects between the tap and the sandbox."""
