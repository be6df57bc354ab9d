"""The commands, one file each, named after it and loaded when it is called."""
