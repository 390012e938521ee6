"""What is done to a system: one function for each kind of fault, with the choices that a trial draws."""
