"""Components that any stream may need: queues, counters, delays, width changes."""
