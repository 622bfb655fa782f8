"""What a trial leaves for people: files, maps, figures."""
