"""What the audit service keeps: the ledger's rows and the compact ranges of the trees."""
