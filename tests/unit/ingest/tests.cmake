function(rs_ingest_test room name)
  rs_unit_test(ingest/${room} ${name} rs_ingest PkgConfig::ZLIB ${ARGN})
  target_sources(test_ingest_${room}_${name} PRIVATE unit/ingest/support.c)
endfunction()

rs_ingest_test(read container PkgConfig::AVRO)
rs_ingest_test(read csv)
rs_ingest_test(encode encode)
rs_ingest_test(encode libavro PkgConfig::AVRO)
rs_ingest_test(read input)
rs_ingest_test(encode json)
rs_ingest_test(publish progress)
rs_ingest_test(publish rate)
rs_ingest_test(read record_cells)
rs_unit_test(ingest/read row_plan rs_ingest)
rs_ingest_test(read rows)
rs_unit_test(ingest/publish ahead rs_ingest)
rs_unit_test(ingest/kafka brokers rs_ingest mock_kafka)
rs_unit_test(ingest/kafka source rs_ingest mock_kafka)

# The example of the public header is compiled as it stands there.
set(header ${PROJECT_SOURCE_DIR}/ingest/publish/rollstat.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
file(READ ${header} text)
string(REGEX MATCH " \\*   #include <rollstat.h>.* \\*   }\n" example "${text}")
if(example STREQUAL "")
  message(FATAL_ERROR "ingest/publish/rollstat.h shows no example")
endif()
string(REGEX REPLACE "(^|\n) \\*(   |)" "\\1" example "${example}")
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/rollstat_example.c
  CONTENT "${example}")

# Linked with the shared library alone, as its users are.
rs_unit_test(ingest/publish rollstat rollstat_shared mock_kafka PkgConfig::AVRO)
target_sources(test_ingest_publish_rollstat PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/rollstat_example.c)
set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/rollstat_example.c PROPERTIES
  COMPILE_OPTIONS "-I${PROJECT_SOURCE_DIR}/ingest/publish;-Wno-missing-prototypes")
rs_unit_test(lib memory_source doubles)
