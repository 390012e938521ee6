"""Slow and obvious versions of what the product does fast, written independently of it."""
