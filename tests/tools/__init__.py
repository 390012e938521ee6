"""Programs that measure and show: they are run by hand, not by make test."""
