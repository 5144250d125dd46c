"""What answers requests about people: sign-in, invitations, one's own account."""
