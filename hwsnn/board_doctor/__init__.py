"""What is needed to find out why a board does not work, in one text; it changes nothing on the board."""
