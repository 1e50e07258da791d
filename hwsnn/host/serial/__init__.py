"""The host's side of a board at a serial port."""
