# Native code that is not ours: what Debian packages, by pkg-config; Wasmtime and yyjson by the one
# Cargo lock file of native/, built by tools/native into a cache folder (see there).
find_package(PkgConfig REQUIRED)
pkg_check_modules(openssl REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash>=0.8)
pkg_check_modules(uv REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(lmdb REQUIRED IMPORTED_TARGET lmdb>=0.9.24)
pkg_check_modules(brotli REQUIRED IMPORTED_TARGET libbrotlidec>=1.0)
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp>=2.5)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(zip REQUIRED IMPORTED_TARGET libzip>=1.7)
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka>=1.1.5)

# The folder that tools/native made: include/, lib/libcordon_native.a, yyjson/. The Makefile compares
# it with what tools/native says then.
execute_process(
  COMMAND ${CMAKE_SOURCE_DIR}/tools/native
  OUTPUT_VARIABLE native_dir OUTPUT_STRIP_TRAILING_WHITESPACE
  RESULT_VARIABLE native_failed)
if(native_failed)
  message(FATAL_ERROR "tools/native failed; run it by hand to see why")
endif()
set(CORDON_NATIVE_DIR ${native_dir} CACHE INTERNAL "Where tools/native put Wasmtime and yyjson")
file(GLOB native_sources ${CMAKE_SOURCE_DIR}/native/src/*.rs)
set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/tools/native ${CMAKE_SOURCE_DIR}/native/Cargo.lock
  ${CMAKE_SOURCE_DIR}/native/Cargo.toml ${native_sources})

add_library(cordon_wasmtime STATIC IMPORTED)
set_target_properties(cordon_wasmtime PROPERTIES
  IMPORTED_LOCATION ${native_dir}/lib/libcordon_native.a
  INTERFACE_INCLUDE_DIRECTORIES ${native_dir}/include
  INTERFACE_LINK_LIBRARIES "pthread;dl;m")

add_library(yyjson STATIC ${native_dir}/yyjson/yyjson.c)
target_include_directories(yyjson SYSTEM PUBLIC ${native_dir}/yyjson)
target_compile_options(yyjson PRIVATE -fPIC -O2 -w -fvisibility=hidden)

add_library(llhttp STATIC
  /usr/share/llhttp/llhttp.c /usr/share/llhttp/api.c /usr/share/llhttp/http.c)
target_include_directories(llhttp SYSTEM PUBLIC /usr/share/include/llhttp /usr/include/llhttp /usr/share/llhttp)
target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1) # or a lone CR ends a chunk
target_compile_options(llhttp PRIVATE -fPIC -O2 -w -fvisibility=hidden)
