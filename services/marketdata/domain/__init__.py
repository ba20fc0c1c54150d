"""What the service reasons about: instruments, bars, prices and sessions, as frozen values and pure rules."""
