"""What every Rahnama service is built from: contracts, and the mechanisms that move events without losing one."""
