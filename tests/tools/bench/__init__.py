"""How fast the system is, and what it costs: `make bench`, `make soak` and `make overload`. Never part of `make test`."""
