# cordon_layer(NAME [USES layer...] [LINKS target...]): the static library of one folder of src/.
# A folder is a prefix is a layer, with rooms in folders of its own where it is large; which layers may
# include which stands in ARCHITECTURE.md and is checked by tools/tidy. Source files are found by
# name: a new file needs no edit here.
function(cordon_layer name)
  cmake_parse_arguments(LAYER "" "" "USES;LINKS" ${ARGN})
  list(TRANSFORM LAYER_USES PREPEND cordon_)
  file(GLOB sources CONFIGURE_DEPENDS
    ${CMAKE_SOURCE_DIR}/src/${name}/*.c ${CMAKE_SOURCE_DIR}/src/${name}/*/*.c)
  add_library(cordon_${name} STATIC ${sources})
  target_link_libraries(cordon_${name} PUBLIC cordon_options ${LAYER_USES} ${LAYER_LINKS})
endfunction()
