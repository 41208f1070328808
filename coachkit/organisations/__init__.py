"""What an organisation is and how its settings are made and changed."""
