"""What comes in: both logs, in one subscription."""
