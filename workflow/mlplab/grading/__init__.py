"""A class at a time: every file of a folder is checked, and what was found written as grades."""
