"""What makes a service of its parts: settings, resources, the order in which it starts and stops, its command line."""
