"""What allocation verifies of its own read models while it runs."""
