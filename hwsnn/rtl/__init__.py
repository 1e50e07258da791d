"""The hardware: components in Amaranth. ``docs/streams.md`` has the conventions that they share."""
