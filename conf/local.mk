# sample configurations
