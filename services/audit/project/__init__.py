"""What the audit service keeps: the ledger's rows and the edges of the trees."""
