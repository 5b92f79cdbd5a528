# What the SDK's programs share: their arguments, --help and manual pages from one table each.
noinst_LTLIBRARIES += libp2v_tool.la
libp2v_tool_la_SOURCES = %reldir%/tool.c %reldir%/tool.h
