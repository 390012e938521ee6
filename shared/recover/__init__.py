"""What the commands `recover` and `rebuild` share: the database for themselves, and topics read once, to their end."""
