"""Tables of what is changed in a port: of its source (`source_operators`) and of its weights (`weight_operators`)."""
