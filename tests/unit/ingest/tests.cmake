function(rs_ingest_test name)
  rs_unit_test(ingest ${name} rs_ingest PkgConfig::ZLIB ${ARGN})
  target_sources(test_ingest_${name} PRIVATE unit/ingest/support.c)
  target_include_directories(test_ingest_${name} PRIVATE unit/ingest)
endfunction()

rs_ingest_test(container PkgConfig::AVRO)
rs_ingest_test(csv)
rs_ingest_test(encode)
rs_ingest_test(encode_libavro PkgConfig::AVRO)
rs_ingest_test(input)
rs_ingest_test(json)
rs_ingest_test(progress)
rs_ingest_test(rate)
rs_ingest_test(record_cells)
rs_ingest_test(rows)
rs_unit_test(ingest ahead rs_ingest)
rs_unit_test(ingest kafka_brokers rs_ingest)
rs_unit_test(ingest kafka_source rs_ingest)

# The example of the public header is compiled as it stands there.
set(header ${PROJECT_SOURCE_DIR}/ingest/rollstat.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
file(READ ${header} text)
string(REGEX MATCH " \\*   #include <rollstat.h>.* \\*   }\n" example "${text}")
if(example STREQUAL "")
  message(FATAL_ERROR "ingest/rollstat.h shows no example")
endif()
string(REGEX REPLACE "(^|\n) \\*(   |)" "\\1" example "${example}")
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/rollstat_example.c
  CONTENT "${example}")

# Linked with the shared library alone, as its users are.
rs_unit_test(ingest rollstat rollstat_shared PkgConfig::AVRO PkgConfig::RDKAFKA)
target_sources(test_ingest_rollstat PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/rollstat_example.c)
set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/rollstat_example.c PROPERTIES
  COMPILE_OPTIONS "-I${PROJECT_SOURCE_DIR}/ingest;-Wno-missing-prototypes")
rs_unit_test(ingest memory_source rs_ingest rs_base)
