"""Load, decide, append and project in one transaction, for everyone who waits."""
