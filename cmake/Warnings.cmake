# The target `cordon_options`: language level, warnings and hardening of everything of ours.
add_library(cordon_options INTERFACE)
target_compile_features(cordon_options INTERFACE c_std_17)
target_compile_definitions(cordon_options INTERFACE _GNU_SOURCE)
target_include_directories(cordon_options INTERFACE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_compile_options(cordon_options INTERFACE
  -fvisibility=hidden -fstack-protector-strong -fPIC
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
  -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wcast-align -Wwrite-strings -Wundef -Wvla
  -Wformat=2 -Wnull-dereference -Wdouble-promotion -Wimplicit-fallthrough
  $<$<C_COMPILER_ID:GNU>:-Wjump-misses-init>)
target_link_options(cordon_options INTERFACE -pie -Wl,-z,relro,-z,now)
# Relocations packed, where linker and loader know that (binutils 2.38, glibc 2.36): Wasmtime's 17,000
# take 400 KB of each process otherwise.
include(CheckCSourceRuns)
include(CMakePushCheckState)
cmake_push_check_state()
set(CMAKE_REQUIRED_FLAGS -fPIE)
set(CMAKE_REQUIRED_LINK_OPTIONS -pie -Wl,-z,pack-relative-relocs,--fatal-warnings)
check_c_source_runs("
  static int zero;
  static int *const volatile at[] = {&zero, &zero};
  int main(void) { return *at[0] + *at[1]; }" CORDON_PACKED_RELOCATIONS)
cmake_pop_check_state()
if(CORDON_PACKED_RELOCATIONS)
  target_link_options(cordon_options INTERFACE -Wl,-z,pack-relative-relocs)
endif()

# Warnings are errors with the compilers this tree is checked with; a newer one, which may have new
# ideas, warns and goes on, so that it never stops somebody who only wants to build.
if(CORDON_WERROR)
  if((CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_C_COMPILER_VERSION VERSION_LESS 13)
      OR (CMAKE_C_COMPILER_ID STREQUAL "Clang" AND CMAKE_C_COMPILER_VERSION VERSION_LESS 20))
    target_compile_options(cordon_options INTERFACE -Werror)
  else()
    message(STATUS "Warnings stay warnings: ${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION} "
      "is newer than the compilers this tree is checked with (gcc 12, clang 19)")
  endif()
endif()

# _FORTIFY_SOURCE needs an optimised build and hides from sanitizers what they should see.
if(NOT CORDON_SANITIZE)
  target_compile_options(cordon_options INTERFACE $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
endif()
if(CORDON_SANITIZE)
  target_compile_options(cordon_options INTERFACE
    -fsanitize=${CORDON_SANITIZE} -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(cordon_options INTERFACE -fsanitize=${CORDON_SANITIZE})
endif()
if(CORDON_SANITIZE STREQUAL "thread")
  add_library(seen_close STATIC ${CMAKE_SOURCE_DIR}/tests/support/seen_close.c)
  target_compile_definitions(seen_close PRIVATE _GNU_SOURCE)
  target_link_libraries(cordon_options INTERFACE seen_close)
  target_link_options(cordon_options INTERFACE -Wl,--undefined=syscall)
endif()
if(CORDON_FUZZ)
  target_compile_options(cordon_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CORDON_COVERAGE)
  target_compile_options(cordon_options INTERFACE --coverage -fprofile-abs-path)
  target_link_options(cordon_options INTERFACE --coverage)
endif()
