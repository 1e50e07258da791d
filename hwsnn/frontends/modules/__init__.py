"""PyTorch modules as float networks: run once, recorded, and read by what each framework's neurons mean."""
