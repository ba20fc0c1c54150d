"""Reference facts that we keep ourselves, because no offline source brings them."""
