"""PetroStream's domain: pure functions from readings to scored readings. No AWS call, no clock."""
