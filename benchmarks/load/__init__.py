"""The department's service under load: many units, people who review, and what a request costs."""
