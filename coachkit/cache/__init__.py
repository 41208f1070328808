"""Where rendered bytes live: frames, the bounded in-process store, and one render per missing key."""
