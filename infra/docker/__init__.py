"""What the containers need besides the services themselves."""
