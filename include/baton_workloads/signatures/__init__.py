"""Workers on the shop's signature workflows: remind signers, close what has expired."""
