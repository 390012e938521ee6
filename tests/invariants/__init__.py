"""What must hold of a quiet system, whatever happened to it (I1-I9): pure functions over evidence."""
