"""The web application: middleware, pages, problem documents, uploads, and what routes ask for."""
