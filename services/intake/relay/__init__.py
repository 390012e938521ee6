"""What of intake's leaves for Kafka beside the log itself."""
