# plugins of kind select
