"""What goes out over REST: records, and verifications of the whole history."""
