"""Who asks and whether they may: service accounts and their tokens, RBAC, Pod Security."""
