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
  $<$<C_COMPILER_ID:GNU>:-Wjump-misses-init>
  $<$<BOOL:${CORDON_WERROR}>:-Werror>)
target_compile_options(cordon_options INTERFACE
  $<$<AND:$<NOT:$<CONFIG:Debug>>,$<STREQUAL:${CORDON_SANITIZE},>>:-D_FORTIFY_SOURCE=3>)
target_link_options(cordon_options INTERFACE -pie -Wl,-z,relro,-z,now)
if(CORDON_SANITIZE)
  target_compile_options(cordon_options INTERFACE
    -fsanitize=${CORDON_SANITIZE} -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(cordon_options INTERFACE -fsanitize=${CORDON_SANITIZE})
endif()
