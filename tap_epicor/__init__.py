"""Singer tap for Epicor Kinetic and ERP 10.2."""
