# Files that become part of a program.
#
# cordon_embed_projects(TARGET): what `cordon new` writes, as the tables of src/cli/embedded.h, one
# for each language: its template, and the SDK under sdk/.
#
# As a script, `cmake -DLIST=... -DOUTPUT=... -P Embed.cmake` writes the C file. Each line of LIST is
# TABLE|PATH IN THE PROJECT|FILE.

# The rows of one language in `out_rows`, and in `out_files` the files they name. What is taken is
# said by name, so that nothing that happens to lie about gets in.
function(cordon_project_rows language out_rows out_files)
  set(sdk ${CMAKE_SOURCE_DIR}/sdk)
  set(template ${sdk}/templates/${language})
  file(GLOB_RECURSE of_template CONFIGURE_DEPENDS RELATIVE ${template}
    ${template}/*.c ${template}/*.rs ${template}/*.toml)
  foreach(name build README.md .gitignore Cargo.lock)
    if(EXISTS ${template}/${name})
      list(APPEND of_template ${name})
    endif()
  endforeach()
  file(GLOB_RECURSE of_sdk CONFIGURE_DEPENDS RELATIVE ${sdk}/${language}
    ${sdk}/${language}/cordon.[ch] ${sdk}/${language}/cordon*/src/*.rs
    ${sdk}/${language}/cordon*/Cargo.toml)

  set(rows "")
  set(files "")
  foreach(name IN LISTS of_template)
    list(APPEND rows "embedded_${language}|${name}|${template}/${name}")
    list(APPEND files ${template}/${name})
  endforeach()
  foreach(name IN LISTS of_sdk ITEMS build)
    list(APPEND rows "embedded_${language}|sdk/${name}|${sdk}/${language}/${name}")
    list(APPEND files ${sdk}/${language}/${name})
  endforeach()
  list(APPEND rows "embedded_${language}|sdk/abi.md|${sdk}/abi.md")
  list(APPEND rows "embedded_${language}|sdk/LICENSE|${CMAKE_SOURCE_DIR}/LICENSE")
  list(APPEND files ${sdk}/abi.md ${CMAKE_SOURCE_DIR}/LICENSE)
  set(${out_rows} ${rows} PARENT_SCOPE)
  set(${out_files} ${files} PARENT_SCOPE)
endfunction()

function(cordon_embed_projects target)
  set(rows "")
  set(files "")
  foreach(language rust c)
    cordon_project_rows(${language} language_rows language_files)
    list(APPEND rows ${language_rows})
    list(APPEND files ${language_files})
  endforeach()
  list(JOIN rows "\n" text)
  set(list ${CMAKE_CURRENT_BINARY_DIR}/embedded.txt)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded.c)
  file(CONFIGURE OUTPUT ${list} CONTENT "${text}\n" @ONLY)
  set(script ${CMAKE_SOURCE_DIR}/cmake/Embed.cmake)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DLIST=${list} -DOUTPUT=${output} -P ${script}
    DEPENDS ${files} ${list} ${script} COMMENT "Embedding what cordon new writes" VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()

if(NOT CMAKE_SCRIPT_MODE_FILE)
  return()
endif()

# A zero stands behind each file, as an array of C cannot be empty.
file(STRINGS ${LIST} rows)
set(arrays "")
set(tables "")
set(table "")
set(count 0)
foreach(row IN LISTS rows)
  string(REPLACE "|" ";" row "${row}")
  list(GET row 0 table_here)
  list(GET row 1 path)
  list(GET row 2 file)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "static const unsigned char file_${count}[] = {\n${bytes}0};\n")
  if(NOT table_here STREQUAL table)
    if(table)
      string(APPEND tables "    {0},\n};\n")
    endif()
    string(APPEND tables "\nconst struct embedded_file ${table_here}[] = {\n")
    set(table ${table_here})
  endif()
  string(APPEND tables "    {\"${path}\", file_${count}, sizeof file_${count} - 1},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUTPUT}
  "/* Made by cmake/Embed.cmake. */\n#include \"cli/embedded.h\"\n\n${arrays}${tables}    {0},\n};\n")
