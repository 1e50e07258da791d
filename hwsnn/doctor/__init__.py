"""What there is on this machine for hwsnn: programs, packages, data sets, the cache. A board is ``board_doctor``'s."""
