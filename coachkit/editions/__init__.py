"""What an organisation serves: its choices, its overlay, its locale chains, its editions and channels."""
