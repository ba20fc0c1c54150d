"""What the service reasons about: books, marks and results, as frozen values and pure rules."""
