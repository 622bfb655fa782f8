"""The lake and how to read it. Ground floor of the project: imports none of the other packages."""
