"""OpenTelemetry for a local system: a collector in this process, small enough to read."""
