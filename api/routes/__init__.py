"""One module a subject: the devices' routes, and the people's pages."""
