# What operators need besides the programs: units, example configuration, manual pages, completions, pkg-config file, licence.
# Those that name places are made when they are installed, since `cmake --install --prefix` may give another prefix than
# the one that was configured.
set(RS_CONFIG_DIRECTORY "" CACHE STRING
  "Directory of the configuration; default: /etc/rollstat for the prefixes /usr and /usr/local, else etc/rollstat in the prefix")

install(CODE "
set(RS_DEPLOY \"${CMAKE_CURRENT_SOURCE_DIR}\")
set(RS_PC_IN \"${PROJECT_SOURCE_DIR}/ingest/publish/rollstat.pc.in\")
set(RS_MADE \"${CMAKE_CURRENT_BINARY_DIR}/installed\")
set(PROJECT_VERSION \"${PROJECT_VERSION}\")
set(RS_CONFIG_DIRECTORY \"${RS_CONFIG_DIRECTORY}\")
set(RS_SYSCONFDIR \"${CMAKE_INSTALL_SYSCONFDIR}\")
set(RS_BINDIR \"${CMAKE_INSTALL_BINDIR}\")
set(RS_LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
set(RS_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
set(RS_DATADIR \"${CMAKE_INSTALL_DATADIR}\")
set(RS_MANDIR \"${CMAKE_INSTALL_MANDIR}\")
set(RS_PROGRAMS \"$<TARGET_FILE:rollstatd>\" \"$<TARGET_FILE:rollstat-dlq>\" \"$<TARGET_FILE:rollstat-publish>\"
  \"$<TARGET_FILE:rollstat-schema>\" \"$<TARGET_FILE:rollstat-state>\" \"$<TARGET_FILE:rollstat-tap>\"
  \"$<TARGET_FILE:rollstat-top>\")
")
install(SCRIPT install_places.cmake)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${PROJECT_SOURCE_DIR}/README.md redis-acl redis-acl-reader
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES prometheus/rollstat.rules.yaml prometheus/rollstat.dashboard.json
  DESTINATION ${CMAKE_INSTALL_DATADIR}/rollstat/prometheus)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME operators.md)
