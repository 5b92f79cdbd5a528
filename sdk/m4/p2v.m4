# p2v.m4 - for the configure.ac of whoever writes plugins for peer2view outside its tree.   serial 1
#
# Copying and distribution of this file, with or without modification, are permitted in any medium
# without royalty provided the copyright notice and this notice are preserved. This file is offered
# as-is, without any warranty.

# P2V_PLUGINS([ABI = 1.0])
# ------------------------
# Finds an installed peer2view whose plugin ABI serves plugins that need ABI (the same major version, and
# no older a minor one), and sets for Makefile.am:
#   P2V_CFLAGS          where its headers are
#   P2V_MODULE_LDFLAGS  what makes a module export its descriptor alone; write -module before it, literally
#   plugindir           where plugins are installed; --with-plugindir=DIR changes it
#   PEER2VIEW           the program, to load a plugin with
AC_DEFUN([P2V_PLUGINS],
[AC_REQUIRE([AC_PROG_CC])dnl
m4_ifndef([PKG_CHECK_MODULES], [m4_fatal([P2V_PLUGINS needs pkg.m4, which comes with pkg-config])])dnl
PKG_CHECK_MODULES([P2V], [peer2view])
AC_MSG_CHECKING([whether the plugin ABI of peer2view serves m4_default([$1], [1.0])])
p2v_want=m4_default([$1], [1.0])
p2v_have=`$PKG_CONFIG --variable=abi peer2view`
AS_IF([test "x${p2v_have%%.*}" = "x${p2v_want%%.*}" && test "${p2v_have#*.}" -ge "${p2v_want#*.}"],
  [AC_MSG_RESULT([yes, it is $p2v_have])],
  [AC_MSG_RESULT([no])
   AC_MSG_ERROR([the installed peer2view has plugin ABI $p2v_have, these plugins need $p2v_want])])
AC_ARG_WITH([plugindir],
  [AS_HELP_STRING([--with-plugindir=DIR], [where plugins are installed @<:@where peer2view looks@:>@])],
  [plugindir="$withval"], [plugindir=`$PKG_CONFIG --variable=plugindir peer2view`])
AC_SUBST([plugindir])
P2V_MODULE_LDFLAGS='-avoid-version -no-undefined -export-symbols-regex "_LTX_p2v_plugin$$"'
AC_MSG_CHECKING([whether the linker takes -z defs])
p2v_save=$LDFLAGS
LDFLAGS="$LDFLAGS -Wl,-z,defs"
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
  [AC_MSG_RESULT([yes])
   P2V_MODULE_LDFLAGS="$P2V_MODULE_LDFLAGS -Wl,-z,defs"],
  [AC_MSG_RESULT([no])])
LDFLAGS=$p2v_save
AC_SUBST([P2V_MODULE_LDFLAGS])
AC_PATH_PROG([PEER2VIEW], [peer2view], [peer2view],
  [`$PKG_CONFIG --variable=bindir peer2view`$PATH_SEPARATOR$PATH])
])
