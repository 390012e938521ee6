"""Everything that runs Rahnama on one machine without Docker: real servers, loopback only, no process left behind."""
