"""Load → decide → append, project and move the inbox, in one transaction."""
