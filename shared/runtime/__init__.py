"""Tasks, retries and errors' locations: what every mechanism uses, and no mechanism itself."""
