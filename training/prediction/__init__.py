"""Maps of scenes from checkpoints: any scene of any lake that has the channels, as files that other programs open."""
