"""The containers as users start them. They need an engine and the images, and minutes: `make compose-test`."""
