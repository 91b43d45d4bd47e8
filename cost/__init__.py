"""What PetroStream costs on AWS, line by line, from list prices and `infra/settings.json`."""
