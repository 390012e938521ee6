"""What a service verifies of its own database, for audit to ask: the log page by page, the read models by a replay."""
