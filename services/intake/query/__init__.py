"""What intake shows: its read models, never personal data."""
