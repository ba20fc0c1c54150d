"""What an installation starts with: the library of scenarios."""
