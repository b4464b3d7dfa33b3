# cordon_layer(NAME [USES layer...] [LINKS target...]): the static library of one folder of src/.
# A folder is a prefix is a layer; which layers may include which stands in ARCHITECTURE.md and is
# checked by tools/tidy. Source files are found by name: a new file needs no edit here.
function(cordon_layer name)
  cmake_parse_arguments(LAYER "" "" "USES;LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
  add_library(cordon_${name} STATIC ${sources})
  list(TRANSFORM LAYER_USES PREPEND cordon_)
  target_link_libraries(cordon_${name} PUBLIC cordon_options ${LAYER_USES} ${LAYER_LINKS})
endfunction()

# cordon_test(NAME FILE layer...): one cmocka program, known to ctest by its path-like name.
function(cordon_test name file)
  add_executable(${name} ${file})
  list(TRANSFORM ARGN PREPEND cordon_)
  target_link_libraries(${name} PRIVATE cordon_options ${ARGN} PkgConfig::cmocka)
  add_test(NAME ${name} COMMAND ${name})
endfunction()
