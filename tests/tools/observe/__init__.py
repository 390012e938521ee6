"""The system as an operator sees it: a real Prometheus on it, under load; and what being seen costs."""
