# plugins of kind cc
