"""Values and rules of accounts and books: no IO, no protobuf."""
