"""One servicer per proto service: parse, call, render."""
