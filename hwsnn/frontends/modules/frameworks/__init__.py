"""One file per framework of spiking neurons that modules may be made of."""
