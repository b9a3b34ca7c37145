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

# One unit for one instance, and a template for several: systemctl start rollstatd@NAME reads NAME.yaml.
set(RS_UNIT_OF "")
set(RS_UNIT_CONFIG rollstat)
set(RS_UNIT_CACHE rollstat)
rs_place("${RS_DEPLOY}/rollstatd.service.in" rollstatd.service "${RS_UNITS}")
set(RS_UNIT_OF " (%i)")
set(RS_UNIT_CONFIG %i)
set(RS_UNIT_CACHE rollstat-%i) # each instance has a user of its own
rs_place("${RS_DEPLOY}/rollstatd.service.in" rollstatd@.service "${RS_UNITS}")
# Not as rollstat.yaml: that is the operator's file.
rs_place("${RS_DEPLOY}/rollstat.yaml.in" rollstat.yaml.example "${RS_CONFIG}")
rs_place("${RS_PC_IN}" rollstat.pc "${RS_FULL_LIBDIR}/pkgconfig")
foreach(page rollstatd.8 rollstat.yaml.5 rollstat-dlq.1 rollstat-publish.1 rollstat-schema.1 rollstat-state.1 rollstat-tap.1 rollstat-top.1)
  string(REGEX REPLACE "^.*\\." "" section ${page})
  rs_place("${RS_DEPLOY}/man/${page}" ${page} "${RS_FULL_MANDIR}/man${section}")
endforeach()

# Completions, from what the programs themselves say. Programs for another machine cannot be asked: then there are none.
foreach(program ${RS_PROGRAMS})
  get_filename_component(name "${program}" NAME)
  foreach(place bash:bash-completion/completions/${name} zsh:zsh/site-functions/_${name}
      fish:fish/vendor_completions.d/${name}.fish)
    string(REGEX MATCH "^[a-z]+" shell ${place})
    string(REGEX REPLACE "^[a-z]+:" "" place ${place})
    file(MAKE_DIRECTORY "${RS_MADE}/${shell}")
    get_filename_component(file "${place}" NAME)
    execute_process(COMMAND "${program}" --help
      COMMAND awk -v program=${name} -v shell=${shell} -f "${RS_DEPLOY}/complete.awk"
      OUTPUT_FILE "${RS_MADE}/${shell}/${file}" RESULTS_VARIABLE results ERROR_VARIABLE complaint)
    if(NOT results STREQUAL "0;0")
      message(WARNING "no completions of ${name} for ${shell}: ${complaint}")
    else()
      rs_full_path("${RS_DATADIR}/${place}" full)
      get_filename_component(directory "${full}" DIRECTORY)
      file(INSTALL "${RS_MADE}/${shell}/${file}" DESTINATION "${directory}" TYPE FILE)
    endif()
  endforeach()
endforeach()

# The loader finds a new library by its cache, which a package's own scripts bring up to date.
if("$ENV{DESTDIR}" STREQUAL "" AND CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?/*$")
  execute_process(COMMAND /sbin/ldconfig RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed)
    message(STATUS "run `ldconfig` as root, so that programs find librollstat")
  endif()
endif()
