"""The demo: a real-looking cohort goes the whole way, and everything about it is shown and proven."""
