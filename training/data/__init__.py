"""The data of one trial: which scenes and patches, how they are read and augmented."""
