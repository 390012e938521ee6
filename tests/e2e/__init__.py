"""The whole system as its users have it: real servers, three processes, and only what they show or keep."""
