"""Commands for a database that was restored, or whose read models are lost. No service runs meanwhile."""
