# the measuring player
