"""The commands of ``alpr-hotlist``, a module for each thing that a person does."""
