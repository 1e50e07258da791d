"""The serial link: UART, SLIP packets, requests and responses."""
