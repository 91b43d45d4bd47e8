"""PetroStream on AWS: switch it on, test it, roll it back, switch it off, and prove what is left."""
