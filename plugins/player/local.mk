# plugins of kind player
