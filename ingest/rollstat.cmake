# librollstat, shared and static, and the program on top of it.
add_library(rollstat_objects OBJECT rollstat.c)
rs_target_defaults(rollstat_objects)
target_link_libraries(rollstat_objects PUBLIC rs_ingest PRIVATE PkgConfig::AVRO)

# Shared: the archives' members that are needed come in hidden; the version script lets only rollstat_* out.
add_library(rollstat_shared SHARED $<TARGET_OBJECTS:rollstat_objects>)
rs_target_defaults(rollstat_shared)
target_link_libraries(rollstat_shared PRIVATE rs_ingest rs_schemas rs_base PkgConfig::AVRO)
target_link_options(rollstat_shared PRIVATE
  "SHELL:-Xlinker \"--version-script=${CMAKE_CURRENT_SOURCE_DIR}/rollstat.map\"" # -Wl would cut the path at a comma
  -Wl,--as-needed)
set_target_properties(rollstat_shared PROPERTIES
  OUTPUT_NAME rollstat VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/rollstat.map)

# Static: one archive that needs none of ours beside it.
add_library(rollstat_static STATIC
  $<TARGET_OBJECTS:rollstat_objects> $<TARGET_OBJECTS:rs_ingest> $<TARGET_OBJECTS:rs_schemas>
  $<TARGET_OBJECTS:rs_base>)
set_target_properties(rollstat_static PROPERTIES OUTPUT_NAME rollstat LINKER_LANGUAGE C)

add_executable(rollstat-publish publish.c $<TARGET_OBJECTS:rollstat_objects>)
rs_target_defaults(rollstat-publish)
target_link_libraries(rollstat-publish PRIVATE rs_ingest PkgConfig::AVRO)

install(TARGETS rollstat_shared rollstat_static rollstat-publish
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES rollstat.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# rollstat.pc names the prefix: deploy/install_places.cmake.
