"""The `plimsoll` command: it runs the whole system on one machine, or one part of it."""
