"""What goes out: REST."""
