"""The offline workbook: one person proposes, another approves, every step is signed, and a list is published."""
