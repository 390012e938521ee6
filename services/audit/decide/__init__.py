"""Pure rules of the audit service: Merkle trees, hash chains, and what a verification finds."""
