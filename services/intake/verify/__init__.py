"""What intake verifies of its own read models while it runs."""
