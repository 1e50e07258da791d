"""A framework's own module beside the integer model that was made of it, on the same inputs."""
