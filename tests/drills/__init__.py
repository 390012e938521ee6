"""Drills: what the runbooks tell, done on real servers (`make drills`; minutes long, so not in `make test`)."""
