"""The connections of the HTTP server: uvicorn's protocol with bounds on requests, idle time and progress (ADR 11)."""
