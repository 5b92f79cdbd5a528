# the host
