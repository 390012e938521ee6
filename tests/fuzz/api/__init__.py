"""`make fuzz-api`: schemathesis over the OpenAPI documents of the running services."""
