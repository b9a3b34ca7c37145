# What operators need besides the programs: unit, example configuration, schemas' place in it, manual pages, licence.
set(RS_SCHEMAS_DIRECTORY ${CMAKE_INSTALL_FULL_DATADIR}/rollstat/schemas)
configure_file(rollstatd.service.in rollstatd.service @ONLY)
configure_file(rollstat.yaml.in rollstat.yaml.example @ONLY)

install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rollstatd.service DESTINATION lib/systemd/system)
# Not as rollstat.yaml: that is the operator's file.
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rollstat.yaml.example
  DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/rollstat)
install(FILES man/rollstatd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES man/rollstat-publish.1 man/rollstat-top.1 man/rollstat-schema.1 man/rollstat-state.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES man/rollstat.yaml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${PROJECT_SOURCE_DIR}/README.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
