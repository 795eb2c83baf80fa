"""What the jobs of the workflow do, from files to files: a module for each rule.

They put the stages together, which do not know of each other; nothing else imports them.
"""
