"""Who is asking, and what they may: keys, tokens, accounts, permissions."""
