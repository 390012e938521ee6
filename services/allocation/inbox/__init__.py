"""What comes in: intake's facts."""
