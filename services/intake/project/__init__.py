"""The present state of everyone, without personal data: what queries read and the next batch is decided on."""
