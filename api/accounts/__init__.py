"""People: invitations, sign-in, sessions, roles, and what somebody can do to their own account."""
