"""What comes in: HTTP and Kafka → a typed command."""
