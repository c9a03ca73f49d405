"""Storage of secrets: the keychain, or an encrypted file."""
