"""What `coachkit doctor` looks at, a module for each part of an installation. None of them changes anything."""
