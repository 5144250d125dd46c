"""The link to the department: enrolment, sealed hits out, hot lists in, receipts and heartbeats."""
