"""The sections of the page, a file each: from what was gathered to text, tables and plots."""
