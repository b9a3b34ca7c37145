# Run by `cmake --install`: makes the files that name places for the prefix at hand, and installs them. install.cmake
# sets the variables RS_*. file(INSTALL) puts DESTDIR in front by itself; no text may know of it.

# An absolute path stays, another one is in the prefix.
function(rs_full_path path out)
  if(NOT IS_ABSOLUTE "${path}")
    string(REGEX REPLACE "/+$" "" path "${CMAKE_INSTALL_PREFIX}/${path}")
  endif()
  set(${out} "${path}" PARENT_SCOPE)
endfunction()

# One place for both usual prefixes: who changes from one to the other, or from a build to a package, keeps the
# configuration. The rule of GNUInstallDirs would put that of /usr/local into /usr/local/etc.
if(RS_CONFIG_DIRECTORY)
  rs_full_path("${RS_CONFIG_DIRECTORY}" RS_CONFIG)
elseif(RS_SYSCONFDIR STREQUAL "etc" AND CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?/*$")
  set(RS_CONFIG /etc/rollstat)
else()
  rs_full_path("${RS_SYSCONFDIR}/rollstat" RS_CONFIG)
endif()
rs_full_path("${RS_BINDIR}" RS_FULL_BINDIR)
rs_full_path("${RS_LIBDIR}" RS_FULL_LIBDIR)
rs_full_path("${RS_INCLUDEDIR}" RS_FULL_INCLUDEDIR)
rs_full_path("${RS_DATADIR}/rollstat/schemas" RS_SCHEMAS)
rs_full_path("${RS_MANDIR}" RS_FULL_MANDIR)
# systemd looks into lib/systemd/system of both usual prefixes.
rs_full_path(lib/systemd/system RS_UNITS)

# The sources name /etc/rollstat, which is right nearly everywhere. A macro: file(INSTALL) adds to the list of what was
# installed, install_manifest.txt, in its own scope.
macro(rs_place source name destination)
  configure_file("${source}" "${RS_MADE}/${name}" @ONLY)
  file(READ "${RS_MADE}/${name}" text)
  string(REPLACE "/etc/rollstat" "${RS_CONFIG}" text "${text}")
  file(WRITE "${RS_MADE}/${name}" "${text}")
  file(INSTALL "${RS_MADE}/${name}" DESTINATION "${destination}" TYPE FILE)
endmacro()

rs_place("${RS_DEPLOY}/rollstatd.service.in" rollstatd.service "${RS_UNITS}")
# Not as rollstat.yaml: that is the operator's file.
rs_place("${RS_DEPLOY}/rollstat.yaml.in" rollstat.yaml.example "${RS_CONFIG}")
rs_place("${RS_PC_IN}" rollstat.pc "${RS_FULL_LIBDIR}/pkgconfig")
foreach(page rollstatd.8 rollstat.yaml.5 rollstat-dlq.1 rollstat-publish.1 rollstat-schema.1 rollstat-state.1 rollstat-tap.1 rollstat-top.1)
  string(REGEX REPLACE "^.*\\." "" section ${page})
  rs_place("${RS_DEPLOY}/man/${page}" ${page} "${RS_FULL_MANDIR}/man${section}")
endforeach()

# The loader finds a new library by its cache, which a package's own scripts bring up to date.
if("$ENV{DESTDIR}" STREQUAL "" AND CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?/*$")
  execute_process(COMMAND /sbin/ldconfig RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed)
    message(STATUS "run `ldconfig` as root, so that programs find librollstat")
  endif()
endif()
