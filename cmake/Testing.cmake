# Tests, as ctest knows them. Every test has one label, by which the presets choose:
#
#   unit contract fault server fuzz         run in make test, make asan, make tsan
#   cli                                     run in make test, make asan
#   docs tools                              run in make test
#   long                                    run in make check-long alone
#
# Suites take their size from one number, the environment variable CORDON_TEST_SIZE: a percentage of
# what a test does in `make test`. The test presets set it (100; asan 30; tsan 10; long 2000) and a C test
# reads it by test_size() of tests/support/size.h. The time limit of a test is its preset's (120 s;
# asan 300 s, tsan 480 s, long 1800 s) unless it names its own.

# cordon_test(NAME FILE layer... [LABEL label] [TIMEOUT seconds]): one cmocka program. Without LABEL
# its folder is the label.
function(cordon_test name file)
  cmake_parse_arguments(TEST "" "LABEL;TIMEOUT" "" ${ARGN})
  if(NOT TEST_LABEL)
    cmake_path(GET file PARENT_PATH TEST_LABEL)
  endif()
  add_executable(${name} ${file})
  list(TRANSFORM TEST_UNPARSED_ARGUMENTS PREPEND cordon_)
  target_link_libraries(${name} PRIVATE
    cordon_options ${TEST_UNPARSED_ARGUMENTS} PkgConfig::cmocka)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  cordon_test_settings(${name} "${TEST_LABEL}" "${TEST_TIMEOUT}")
endfunction()

# cordon_script(NAME LABEL COMMAND word... [TIMEOUT seconds]): any other test: it passes by exit
# code 0. The command runs in the source folder and finds the build in CORDON_BUILD_DIR.
function(cordon_script name label)
  cmake_parse_arguments(TEST "" "TIMEOUT" "COMMAND" ${ARGN})
  add_test(NAME ${name} COMMAND ${TEST_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  cordon_test_settings(${name} "${label}" "${TEST_TIMEOUT}")
endfunction()

# cordon_fuzz(NAME layer... [FLOOR edges]): a fuzz target from fuzz/fuzz_NAME.c. It runs each file
# of fuzz/corpus/NAME as the test fuzz_NAME. Under the preset fuzz it is a libFuzzer program, and the
# test fails too if the corpus reaches fewer edges of the code than FLOOR.
function(cordon_fuzz name)
  cmake_parse_arguments(FUZZ "" "FLOOR" "" ${ARGN})
  add_executable(fuzz_${name} fuzz_${name}.c)
  list(TRANSFORM FUZZ_UNPARSED_ARGUMENTS PREPEND cordon_)
  target_link_libraries(fuzz_${name} PRIVATE cordon_options ${FUZZ_UNPARSED_ARGUMENTS})
  add_dependencies(fuzzers fuzz_${name})
  set(corpus ${CMAKE_SOURCE_DIR}/fuzz/corpus/${name})
  if(CORDON_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME fuzz_${name} COMMAND
      ${CMAKE_SOURCE_DIR}/fuzz/over_corpus "$<IF:$<BOOL:${FUZZ_FLOOR}>,${FUZZ_FLOOR},1>" $<TARGET_FILE:fuzz_${name}> ${corpus})
  else()
    target_sources(fuzz_${name} PRIVATE standalone.c)
    add_test(NAME fuzz_${name} COMMAND fuzz_${name} ${corpus})
  endif()
  cordon_test_settings(fuzz_${name} fuzz "")
endfunction()

# What every test is given. A trap of a guest is a signal, so that TSan must not mind allocation in
# a signal handler; and its strstr measures the whole rest of the text at each call. What else it
# must not mind stands in tests/tsan.txt.
function(cordon_test_settings name label timeout)
  set_tests_properties(${name} PROPERTIES LABELS "${label}" ENVIRONMENT
    "CORDON_BUILD_DIR=${CMAKE_BINARY_DIR};UBSAN_OPTIONS=print_stacktrace=1;ASAN_OPTIONS=intercept_strstr=0;TSAN_OPTIONS=report_signal_unsafe=0 halt_on_error=1 intercept_strstr=0 suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.txt")
  if(timeout)
    set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout})
  endif()
endfunction()
